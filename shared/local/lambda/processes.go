package lambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// buildTags are those that `sam build` uses (TAGS in the Makefile).
const buildTags = "lambda.norpc,timetzdata,nethttpomithttp2"

// Program is a function that is run as its own bootstrap.
type Program struct {
	Name     string
	ARN      string
	Dir      string // its folder below functions/
	MemoryMB int
	Env      map[string]string // as the template says
}

// ProcessOptions say how bootstraps are built and run.
type ProcessOptions struct {
	Root     string    // folder of the Go module
	Endpoint string    // what AWS_ENDPOINT_URL is for the functions
	Region   string    // us-east-1 when empty
	Slots    int       // processes a function may have at once; 10 when 0
	Output   io.Writer // gets what the functions log; nil: nobody does
	Logger   *slog.Logger
}

// Processes runs functions as Lambda does: the real bootstraps, built for this machine, each process serving one
// invocation at a time against a Lambda Runtime API. They are started when they are needed, kept for the next
// invocation, and killed when an invocation takes too long.
type Processes struct {
	o       ProcessOptions
	scratch string // where the bootstraps are built
	runtime *runtimeAPI

	mu    sync.Mutex
	pools map[string]*pool
}

// pool is the processes of one function.
type pool struct {
	program Program
	binary  string
	slots   chan struct{}

	mu   sync.Mutex
	idle []*process
	all  map[*process]bool
}

type process struct {
	cmd  *exec.Cmd
	wire *sandbox
	gone chan struct{} // closed when the process has ended
}

// NewProcesses builds the bootstraps of the programs and opens the Runtime API on a port of the loopback address. Close it.
func NewProcesses(ctx context.Context, o ProcessOptions, programs []Program) (*Processes, error) {
	o.Slots = cmp.Or(o.Slots, 10)
	o.Region = cmp.Or(o.Region, "us-east-1")
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	scratch, err := os.MkdirTemp("", "opsflow-bootstraps-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for bootstraps: %w", err)
	}
	p := &Processes{o: o, scratch: scratch, pools: map[string]*pool{}}
	if err := p.build(ctx, programs); err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	if p.runtime, err = newRuntimeAPI(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	for _, program := range programs {
		p.pools[program.Name] = &pool{
			program: program, binary: filepath.Join(scratch, program.Dir, "bootstrap"),
			slots: make(chan struct{}, o.Slots), all: map[*process]bool{},
		}
	}
	return p, nil
}

// build makes one bootstrap per folder, with the flags of the Makefile but for this machine.
func (p *Processes) build(ctx context.Context, programs []Program) error {
	dirs := map[string]bool{}
	for _, program := range programs {
		dirs[program.Dir] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		out := filepath.Join(p.scratch, dir, "bootstrap")
		cmd := exec.CommandContext(ctx, "go", "build", "-tags", buildTags, "-ldflags", "-s -w", "-o", out, "./functions/"+dir) //nolint:gosec // the folder comes from the template
		cmd.Dir = p.o.Root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build functions/%s: %w\n%s", dir, err, text)
		}
	}
	return nil
}

// Func gives the function's side of an invocation, for Registry.Register.
func (p *Processes) Func(name string) Func {
	return func(ctx context.Context, payload []byte) ([]byte, error) { return p.invoke(ctx, name, payload) }
}

func (p *Processes) invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	p.mu.Lock()
	pl := p.pools[name]
	p.mu.Unlock()
	if pl == nil {
		return nil, &APIError{"ResourceNotFoundException", "Function not found: " + name}
	}
	select {
	case pl.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-pl.slots }()
	in := invocation{id: requestID(), arn: pl.program.ARN, payload: payload, answer: make(chan outcome, 1)}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		in.id = lc.AwsRequestID
	}
	in.deadline, _ = ctx.Deadline()
	proc, err := p.hand(ctx, pl, in)
	if err != nil {
		return nil, err
	}
	select {
	case out := <-in.answer:
		pl.mu.Lock()
		pl.idle = append(pl.idle, proc)
		pl.mu.Unlock()
		return out.result()
	case <-proc.gone:
	case <-ctx.Done():
		p.kill(pl, proc)
		return nil, ctx.Err()
	}
	select { // it may have answered with its last breath: a panic does
	case out := <-in.answer:
		return out.result()
	default:
		return nil, exited(in.id)
	}
}

// hand gives an invocation to a process. One that had been used before may just be ending, after a panic: then another
// gets it; a new one that ends before it takes anything could not start.
func (p *Processes) hand(ctx context.Context, pl *pool, in invocation) (*process, error) {
	for {
		proc, fresh, err := p.take(pl)
		if err != nil {
			return nil, err
		}
		select {
		case proc.wire.next <- in:
			return proc, nil
		case <-proc.gone:
			if fresh {
				return nil, exited(in.id)
			}
		case <-ctx.Done():
			p.kill(pl, proc)
			return nil, ctx.Err()
		}
	}
}

func exited(id string) *FunctionError {
	return failure("Runtime.ExitError", "RequestId: "+id+" Error: Runtime exited without providing a reason")
}

// take gives an idle process, or starts a fresh one.
func (p *Processes) take(pl *pool) (proc *process, fresh bool, err error) {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	for len(pl.idle) > 0 {
		proc = pl.idle[len(pl.idle)-1]
		pl.idle = pl.idle[:len(pl.idle)-1]
		select {
		case <-proc.gone:
		default:
			return proc, false, nil
		}
	}
	proc, err = p.start(pl)
	return proc, true, err
}

// start is called with the pool's lock.
func (p *Processes) start(pl *pool) (*process, error) {
	id := requestID()
	proc := &process{wire: p.runtime.open(id), gone: make(chan struct{})}
	cmd := exec.Command(pl.binary) //nolint:gosec,noctx // our own build; it outlives the invocation that it is started for
	cmd.Env = p.environment(pl.program, id)
	cmd.Stdout, cmd.Stderr = p.o.Output, p.o.Output
	cmd.Dir = p.scratch
	proc.cmd = cmd
	if err := cmd.Start(); err != nil {
		p.runtime.close(id)
		return nil, fmt.Errorf("start the bootstrap of %s: %w", pl.program.Name, err)
	}
	pl.all[proc] = true
	go func() {
		err := cmd.Wait()
		p.o.Logger.Debug("bootstrap ended", "function", pl.program.Name, "state", fmt.Sprint(cmd.ProcessState), "error", err)
		p.runtime.close(id)
		pl.mu.Lock()
		delete(pl.all, proc)
		pl.mu.Unlock()
		close(proc.gone)
	}()
	return proc, nil
}

// environment is what Lambda gives a function, and nothing of this process's own. The access key names the function, so
// that the AWS endpoint can tell who calls.
func (p *Processes) environment(f Program, sandbox string) []string {
	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          p.runtime.address + "/" + sandbox,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(cmp.Or(f.MemoryMB, 128)),
		"AWS_REGION":                      p.o.Region,
		"AWS_DEFAULT_REGION":              p.o.Region,
		"AWS_ENDPOINT_URL":                p.o.Endpoint,
		"AWS_ACCESS_KEY_ID":               "opsflow-" + f.Name,
		"AWS_SECRET_ACCESS_KEY":           "local",
		"_HANDLER":                        "bootstrap",
		"LAMBDA_TASK_ROOT":                p.scratch,
		"TZ":                              ":UTC",
		"PATH":                            os.Getenv("PATH"),
	}
	maps.Copy(env, f.Env)
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

func (p *Processes) kill(pl *pool, proc *process) {
	_ = proc.cmd.Process.Kill() // gone already is as good
	<-proc.gone
	p.o.Logger.Debug("bootstrap killed", "function", pl.program.Name)
}

// Close kills all processes, waits for their end and removes the bootstraps.
func (p *Processes) Close() error {
	p.mu.Lock()
	pools := slices.Collect(maps.Values(p.pools))
	p.mu.Unlock()
	for _, pl := range pools {
		pl.mu.Lock()
		all := slices.Collect(maps.Keys(pl.all))
		pl.mu.Unlock()
		for _, proc := range all {
			p.kill(pl, proc)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(p.runtime.shutdown(ctx), os.RemoveAll(p.scratch))
}
