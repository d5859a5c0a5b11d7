package lambda

import (
	"time"
)

// memoryLook is how often it is looked how much memory a process has while it works.
const memoryLook = 20 * time.Millisecond

// serve runs one invocation in a process, a warm one if there is one.
func (pl *pool) serve(in *invocation) outcome {
	s := &serving{pl: pl, in: in}
	for {
		proc, fresh, err := pl.take()
		if err != nil {
			return outcome{err: err}
		}
		s.proc = proc
		if fresh {
			if out, ok := s.start(); !ok {
				return out
			}
		}
		if out, ok := s.work(fresh); ok {
			return out
		} // a warm process had just ended: another takes its place
	}
}

// serving is one invocation, in one process.
type serving struct {
	pl   *pool
	in   *invocation
	proc *process

	begun time.Time     // when the function's time began; zero: it has not
	limit *time.Timer   // when it ends
	init  time.Duration // of a cold start
	most  int           // memory that the process had, in KiB
}

// start waits until a fresh process is ready. One that can't get ready in its time, or ends instead, is started once more,
// and then its start counts as part of the invocation:
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
func (s *serving) start() (out outcome, ok bool) {
	budget := time.NewTimer(s.pl.p.o.Init)
	defer budget.Stop()
	if s.proc.ready(budget.C) {
		s.init = time.Since(s.proc.began)
		return outcome{}, true
	}
	s.reportInit("init")
	s.proc.end()
	s.pl.mu.Lock()
	proc, err := s.pl.start()
	s.pl.mu.Unlock()
	if err != nil {
		return outcome{err: err}, false
	}
	s.proc = proc
	s.begin()
	if proc.ready(s.limit.C) {
		return outcome{}, true
	}
	s.reportInit("invoke")
	if !proc.ended() {
		return s.tooLong(), false
	}
	return s.over(outcome{failed: proc.failed(s.in.id)}, "error"), false
}

// reportInit says how a start went wrong.
func (s *serving) reportInit(phase string) {
	status := "timeout"
	if s.proc.ended() {
		status = "error\tError Type: " + s.proc.failed("").Type
	}
	if st := s.proc.out.stream; st != nil {
		took := milliseconds(time.Since(s.proc.began))
		s.in.stream = st
		s.in.print("INIT_REPORT Init Duration: %.2f ms\tPhase: %s\tStatus: %s", took, phase, status)
	}
}

// begin has the function's time begin, unless it has begun.
func (s *serving) begin() {
	s.in.stream = s.proc.out.stream
	if s.begun.IsZero() {
		s.in.begin()
		s.begun, s.limit = time.Now(), time.NewTimer(s.in.function.Timeout)
	}
	s.proc.out.during(s.in.said)
}

// work hands the invocation to the process and waits for what comes of it; false: a warm process was gone before.
func (s *serving) work(fresh bool) (out outcome, ok bool) {
	s.begin()
	defer s.proc.out.during(nil)
	t := &task{invocation: s.in, deadline: s.begun.Add(s.in.function.Timeout), answer: make(chan outcome, 1)}
	select {
	case s.proc.wire.next <- t:
	case <-s.proc.gone:
		return s.over(outcome{failed: s.proc.failed(s.in.id)}, "error"), fresh
	case <-s.limit.C:
		return s.tooLong(), true
	}
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	for {
		select {
		case out := <-t.answer:
			return s.answered(out), true
		case <-s.proc.gone:
			select { // it may have answered with its last breath: a panic does
			case out := <-t.answer:
				return s.answered(out), true
			default:
				return s.over(outcome{failed: s.proc.failed(s.in.id)}, "error"), true
			}
		case <-s.limit.C:
			return s.tooLong(), true
		case <-look.C:
			if s.exceeds() {
				return s.tooMuch(), true
			}
		}
	}
}

// answered ends an invocation that has its answer: it is over when the process asks for the next, or has ended.
func (s *serving) answered(out outcome) outcome {
	idle := s.proc.ready(s.limit.C)
	if s.exceeds() {
		return s.tooMuch()
	}
	if !idle {
		s.proc.end()
		s.in.print("%s", s.proc.failed(s.in.id).Message)
	}
	out = s.over(out, "")
	if idle {
		s.pl.give(s.proc)
	}
	return out
}

// exceeds reports whether the process has, or had at some moment, more memory than its function may have.
func (s *serving) exceeds() bool {
	s.most = max(s.most, peakMemory(s.proc.cmd.Process.Pid))
	return s.most > s.in.function.MemoryMB<<10
}

// tooLong kills a process whose time is up.
func (s *serving) tooLong() outcome {
	s.proc.end()
	s.in.timeout()
	return s.over(outcome{failed: timedOut(s.in.id, s.in.function.Timeout)}, "timeout")
}

// tooMuch kills a process that has more memory than its function may have.
func (s *serving) tooMuch() outcome {
	s.proc.end()
	s.most = s.in.function.MemoryMB << 10
	return s.over(outcome{failed: exited(s.in.id, "signal: killed")}, "error")
}

// over closes the log of the invocation.
func (s *serving) over(out outcome, status string) outcome {
	s.limit.Stop()
	s.proc.out.drain()
	r := report{took: time.Since(s.begun), init: s.init, usedMB: (s.most + 1<<10 - 1) >> 10, status: status}
	if status == "error" {
		r.kind = out.failed.Type
		s.in.print("%s\n%s", out.failed.Message, out.failed.Type)
	}
	s.in.end(r)
	return out
}

// end kills a process and waits until it is gone.
func (proc *process) end() {
	proc.kill()
	<-proc.gone
}
