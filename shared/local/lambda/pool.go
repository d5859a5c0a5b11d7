package lambda

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"slices"
	"sync"
	"time"
)

// pool is the processes of one function.
type pool struct {
	p     *Processes
	slots chan struct{}

	mu      sync.Mutex
	program Program
	binary  string
	version int // counts up with each change of program and binary
	idle    []*process
	all     map[*process]bool
	closed  bool
}

func newPool(p *Processes) *pool {
	return &pool{p: p, slots: make(chan struct{}, p.o.Slots), all: map[*process]bool{}}
}

// replace puts a program in the place of the one before, and reports whether they differ.
func (pl *pool) replace(program Program, binary string) bool {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if pl.binary == binary && reflect.DeepEqual(pl.program, program) {
		return false
	}
	pl.program, pl.binary = program, binary
	pl.version++
	pl.dismiss()
	return true
}

// retire ends the processes of a function that is no more.
func (pl *pool) retire() {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	pl.version++
	pl.dismiss()
}

// dismiss kills what has no work. It is called with the lock.
func (pl *pool) dismiss() {
	for _, proc := range pl.idle {
		proc.kill()
	}
	pl.idle = nil
}

// close kills everything and waits for its end.
func (pl *pool) close() {
	pl.mu.Lock()
	pl.closed = true
	all := slices.Collect(maps.Keys(pl.all))
	pl.mu.Unlock()
	for _, proc := range all {
		proc.kill()
		<-proc.gone
	}
}

// take gives an idle process, or starts a fresh one.
func (pl *pool) take() (proc *process, fresh bool, err error) {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	for len(pl.idle) > 0 {
		proc = pl.idle[len(pl.idle)-1]
		pl.idle = pl.idle[:len(pl.idle)-1]
		proc.until.Stop()
		if !proc.ended() {
			return proc, false, nil
		}
	}
	proc, err = pl.start()
	return proc, true, err
}

// give takes a process back that asks for its next invocation.
func (pl *pool) give(proc *process) {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if proc.version != pl.version || pl.closed {
		proc.kill()
		return
	}
	proc.until = time.AfterFunc(pl.p.o.Idle, func() { pl.expire(proc) })
	pl.idle = append(pl.idle, proc)
}

// expire ends a process that has had nothing to do for long.
func (pl *pool) expire(proc *process) {
	pl.mu.Lock()
	defer pl.mu.Unlock()
	if i := slices.Index(pl.idle, proc); i >= 0 {
		pl.idle = slices.Delete(pl.idle, i, i+1)
		proc.kill()
	}
}

// start is called with the lock.
func (pl *pool) start() (*process, error) {
	if pl.closed {
		return nil, errors.New("the processes of " + pl.program.Name + " were closed")
	}
	proc, err := pl.p.launch(pl.program, pl.binary)
	if err != nil {
		return nil, fmt.Errorf("start the bootstrap of %s: %w", pl.program.Name, err)
	}
	proc.version = pl.version
	pl.all[proc] = true
	go func() {
		err := proc.cmd.Wait()
		proc.out.drain()
		pl.p.o.Logger.Debug("bootstrap ended", "function", proc.program.Name, "pid", proc.cmd.Process.Pid, "state", how(proc.cmd, err))
		pl.p.runtime.close(proc.id)
		pl.mu.Lock()
		delete(pl.all, proc)
		pl.mu.Unlock()
		close(proc.gone)
	}()
	return proc, nil
}

// how says how a program ended: "exit status 1", "signal: killed".
func how(cmd *exec.Cmd, err error) string {
	if cmd.ProcessState == nil {
		return fmt.Sprint(err)
	}
	return cmd.ProcessState.String()
}
