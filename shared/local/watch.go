package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"opsflow/shared/local/watch"
)

// Where the parts of the source are, below the folder of the template.
const (
	templatesDir = "shared/workflow/templates"
	rulesDir     = "shared/rule/builtin"
	machinesDir  = "statemachines"
	program      = "./shared/cmd/opsflow" // the package of this program
)

// Watch has what is saved hold at once, until ctx ends or this system is closed: the template, the state machines, the built-in
// templates and rules, and the code. What was done, or what is wrong, is told to Options.Progress; what is wrong changes nothing.
//
// Code is built again. The bootstraps of Options.Processes are replaced then; otherwise the program itself is, which only its
// main can do: restart gets the path of the new one. nil: it can't be.
func (rt *Runtime) Watch(ctx context.Context, restart func(binary string)) error {
	root := filepath.Dir(rt.o.Template)
	folders, trees := []string{root}, []string{}
	for _, dir := range []string{machinesDir, "functions", "shared"} {
		if info, err := os.Stat(filepath.Join(root, dir)); err == nil && info.IsDir() {
			trees = append(trees, filepath.Join(root, dir))
		}
	}
	w, err := watch.Start(folders, trees)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	rt.onClose(func() error {
		cancel()
		<-done
		return w.Close()
	})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case err := <-w.Failed:
				rt.tell("watching files: %v: save again what does not show", err)
			case paths := <-w.Changes:
				rt.changed(ctx, root, paths, restart)
			}
		}
	}()
	return nil
}

func (rt *Runtime) tell(format string, args ...any) { fmt.Fprintf(rt.o.Progress, format+"\n", args...) }

// saved is what a batch of changed files is about.
type saved struct {
	stack, builtins, code bool
}

// about sorts changed files. Tests and what editors leave are about nothing.
func (rt *Runtime) about(root string, paths []string) (s saved) {
	for _, path := range paths {
		name, err := filepath.Rel(root, path)
		if err != nil {
			continue
		}
		name = filepath.ToSlash(name)
		dir, _, _ := strings.Cut(name, "/")
		switch ext := filepath.Ext(name); {
		case name == filepath.Base(rt.o.Template), dir == machinesDir && ext == ".json":
			s.stack = true
		case strings.HasSuffix(name, "_test.go"), strings.HasPrefix(filepath.Base(name), "."), strings.HasSuffix(name, "~"):
		case ext == ".json" && (strings.HasPrefix(name, templatesDir+"/") || strings.HasPrefix(name, rulesDir+"/")):
			s.builtins = true
		case name == "go.mod", name == "go.sum", (dir == "functions" || dir == "shared") && slices.Contains(built, ext):
			s.code = true
		}
	}
	return s
}

// built are the kinds of files that programs are built from.
var built = []string{".go", ".json", ".html", ".css", ".js", ".txt", ".svg"}

// changed does what follows from changed files.
func (rt *Runtime) changed(ctx context.Context, root string, paths []string, restart func(string)) {
	s := rt.about(root, paths)
	if s.builtins {
		if err := rt.reloadBuiltins(ctx, root); err != nil {
			rt.tell("%v\nWhat was there before goes on.", err)
			s.code = false // it would not build, or not start
		} else {
			s.stack = true // for the state machines that were written
		}
	}
	if s.stack {
		changes, err := rt.reload(ctx)
		if err != nil {
			rt.tell("%v\nWhat was there before goes on.", err)
			return
		}
		for _, line := range changes {
			rt.tell("%s", line)
		}
	}
	switch {
	case rt.processes != nil && (s.code || s.builtins):
		rt.rebuild(ctx)
	case s.code:
		rt.renew(ctx, root, restart)
	}
}

// rebuild builds the bootstraps again and has the functions run those that have changed.
func (rt *Runtime) rebuild(ctx context.Context) {
	rt.tell("building the functions ...")
	changed, err := rt.processes.Rebuild(ctx)
	switch {
	case err != nil:
		rt.tell("%v\nThe functions go on as they were.", err)
	case len(changed) == 0:
		rt.tell("the functions are as they were")
	}
	for _, name := range changed {
		rt.tell("function %s built again", name)
	}
}

// renew builds this program again for its main to go on with.
func (rt *Runtime) renew(ctx context.Context, root string, restart func(string)) {
	if restart == nil {
		rt.tell("code has changed: start opsflow dev again for that (with --memory, watching it needs --processes)")
		return
	}
	rt.tell("building opsflow ...")
	binary := filepath.Join(rt.o.Data, "opsflow")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, program) //nolint:gosec // a path below the data folder
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() == nil {
			rt.tell("%v\n%s\nThe program goes on as it was.", err, strings.TrimSpace(string(text)))
		}
		return
	}
	if text, err := exec.CommandContext(ctx, binary, "version").CombinedOutput(); err != nil { //nolint:gosec // as above
		rt.tell("what was built does not run: %v\n%s\nThe program goes on as it was.", err, strings.TrimSpace(string(text)))
		return
	}
	restart(binary)
}
