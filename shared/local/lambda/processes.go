package lambda

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"opsflow/shared/local/logs"
)

// buildTags are those that `sam build` uses (TAGS in the Makefile).
const buildTags = "lambda.norpc,timetzdata,nethttpomithttp2"

// Program is a function that is run as its own bootstrap.
type Program struct {
	Function

	Dir string            // its folder below functions/
	Env map[string]string // as the template says
}

// ProcessOptions say how bootstraps are built and run.
type ProcessOptions struct {
	Root     string        // folder of the Go module
	Endpoint string        // what AWS_ENDPOINT_URL is for the functions
	Region   string        // us-east-1 when empty
	Slots    int           // processes a function may have at once; more invocations wait; 10 when 0
	Init     time.Duration // how long a process may take until it asks for its first invocation; 10 s when 0
	Idle     time.Duration // how long a process without work is kept; 10 minutes when 0
	Logs     *logs.Store   // gets what the functions say; nil: nobody does
	Logger   *slog.Logger
}

// Processes runs functions as Lambda does: the real bootstraps, built for this machine, each process serving one
// invocation at a time against a Lambda Runtime API. They are started when they are needed, kept for the next
// invocation, and killed when an invocation takes too long or more memory than the function has.
type Processes struct {
	o       ProcessOptions
	scratch string // where the bootstraps are built
	runtime *runtimeAPI
	running sync.WaitGroup // invocations

	deploying sync.Mutex
	binaries  map[string]string // by folder: what was built last
	built     int               // how many bootstraps were built, to name the next

	mu    sync.Mutex
	pools map[string]*pool
}

// NewProcesses opens the Runtime API on a port of the loopback address, for programs that Deploy adds. Close it.
func NewProcesses(ctx context.Context, o ProcessOptions) (*Processes, error) {
	o.Slots = cmp.Or(o.Slots, 10)
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Init = cmp.Or(o.Init, 10*time.Second)
	o.Idle = cmp.Or(o.Idle, 10*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	scratch, err := os.MkdirTemp("", "opsflow-bootstraps-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for bootstraps: %w", err)
	}
	p := &Processes{o: o, scratch: scratch, binaries: map[string]string{}, pools: map[string]*pool{}}
	if p.runtime, err = newRuntimeAPI(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	return p, nil
}

// Deploy has the functions run their programs from the next invocation on; it gives the names of those that are new or
// changed. Bootstraps are built for folders that have none yet. Processes of what was there before end when their invocations
// do. If one does not build, everything stays as it was.
func (p *Processes) Deploy(ctx context.Context, programs []Program) (changed []string, err error) {
	p.deploying.Lock()
	defer p.deploying.Unlock()
	missing := map[string]bool{}
	for _, program := range programs {
		if p.binaries[program.Dir] == "" {
			missing[program.Dir] = true
		}
	}
	if err := p.build(ctx, slices.Sorted(maps.Keys(missing))); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := maps.Clone(p.pools)
	for _, program := range programs {
		pl := gone[program.Name]
		if pl == nil {
			pl = newPool(p)
			p.pools[program.Name] = pl
		}
		delete(gone, program.Name)
		if pl.replace(program, p.binaries[program.Dir]) {
			changed = append(changed, program.Name)
		}
	}
	for name, pl := range gone {
		delete(p.pools, name)
		pl.retire()
	}
	return changed, nil
}

// Rebuild builds all bootstraps again, and gives the names of the functions that run another one from the next invocation on.
func (p *Processes) Rebuild(ctx context.Context) (changed []string, err error) {
	p.deploying.Lock()
	defer p.deploying.Unlock()
	dirs := map[string]bool{}
	p.mu.Lock()
	for _, pl := range p.pools {
		dirs[pl.program.Dir] = true
	}
	p.mu.Unlock()
	if err := p.build(ctx, slices.Sorted(maps.Keys(dirs))); err != nil {
		return nil, err
	}
	maps.DeleteFunc(p.binaries, func(dir, _ string) bool { return !dirs[dir] }) // built when it is run again
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(p.pools)) {
		if pl := p.pools[name]; pl.replace(pl.program, p.binaries[pl.program.Dir]) {
			changed = append(changed, name)
		}
	}
	return changed, p.sweep()
}

// build makes one bootstrap per folder, with the flags of the Makefile but for this machine. What the toolchain finds unchanged
// stays. It is called with deploying.
func (p *Processes) build(ctx context.Context, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	out := filepath.Join(p.scratch, "build")
	args := []string{"build", "-tags", buildTags, "-ldflags", "-s -w", "-o", out + string(filepath.Separator)}
	for _, dir := range dirs {
		args = append(args, "./functions/"+dir)
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the folders come from the template
	cmd.Dir = p.o.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the functions: %w\n%s", err, bytes.TrimSpace(text))
	}
	for _, dir := range dirs {
		path, err := p.keep(dir, filepath.Join(out, dir))
		if err != nil {
			return fmt.Errorf("keep the bootstrap of %s: %w", dir, err)
		}
		p.binaries[dir] = path
	}
	return nil
}

// keep gives a bootstrap that was built a name of its own, by which it stays when the next is built: the one that it has
// already if nothing was built.
func (p *Processes) keep(name, built string) (string, error) {
	info, err := os.Stat(built)
	if err != nil {
		return "", err
	}
	earlier, err := filepath.Glob(filepath.Join(p.scratch, name+".*"))
	if err != nil {
		return "", err
	}
	for _, path := range earlier {
		if old, err := os.Stat(path); err == nil && os.SameFile(info, old) {
			return path, nil
		}
	}
	p.built++
	path := filepath.Join(p.scratch, name+"."+strconv.Itoa(p.built))
	return path, os.Link(built, path)
}

// sweep removes the bootstraps that nobody starts any more.
func (p *Processes) sweep() error {
	all, err := filepath.Glob(filepath.Join(p.scratch, "*.*"))
	if err != nil {
		return err
	}
	used := slices.Collect(maps.Values(p.binaries))
	var errs []error
	for _, path := range all {
		if !slices.Contains(used, path) {
			errs = append(errs, os.Remove(path))
		}
	}
	return errors.Join(errs...)
}

// Runner runs the invocations of a function that was deployed, for Registry.Register.
func (p *Processes) Runner(name string) Runner { return program{p, name} }

type program struct {
	processes *Processes
	name      string
}

// run waits for the answer only as long as the caller does: the function goes on, as on Lambda.
func (r program) run(ctx context.Context, in *invocation) ([]byte, error) {
	p := r.processes
	p.mu.Lock()
	pl := p.pools[r.name]
	p.mu.Unlock()
	if pl == nil {
		return nil, notFound(r.name)
	}
	select {
	case pl.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	done := make(chan outcome, 1)
	p.running.Go(func() {
		defer func() { <-pl.slots }()
		done <- pl.serve(in)
	})
	select {
	case out := <-done:
		return out.result()
	case <-ctx.Done():
		release := in.release // when the function has ended
		in.release = func() {}
		p.running.Go(func() {
			<-done
			release()
		})
		return nil, ctx.Err()
	}
}

// Close kills all processes, waits for their end and removes the bootstraps.
func (p *Processes) Close() error {
	p.mu.Lock()
	pools := slices.Collect(maps.Values(p.pools))
	p.mu.Unlock()
	for _, pl := range pools {
		pl.close()
	}
	p.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(p.runtime.shutdown(ctx), os.RemoveAll(p.scratch))
}
