package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

const (
	// leaseFor is how long an invocation that does not know its deadline may work on an instance.
	leaseFor = time.Minute
	// maxInvocation is the longest that a Lambda function can run. A context's deadline beyond it says nothing about the
	// clock that we go by.
	maxInvocation = 15 * time.Minute
	// maxConflicts is how often an invocation begins again because others wrote what it had read.
	maxConflicts = 10
	// lookAfter is how long after a wait should be over its execution is looked after, and how often a wait without an end
	// is.
	lookAfter      = 2 * time.Minute
	lookAfterHuman = 24 * time.Hour
)

// errAgain says that somebody wrote a record that this invocation had read: it begins again from the new state.
var errAgain = errors.New("written by somebody else: again")

// RunSteps does what is ready in an instance, for a state of its machine that waits for no person. The error is one of
// this package's, by which the machine decides what comes next.
func (e *Engine) RunSteps(ctx context.Context, d Drive) (Progress, error) {
	p, _, err := e.drive(ctx, d)
	return p, retryable(err)
}

// OpenTask does the same for a state that waits for a person's step. When that step needs nobody, because it was skipped,
// or its task was decided in the meantime, it gives the state's token back itself.
func (e *Engine) OpenTask(ctx context.Context, d Drive) (Progress, error) {
	p, passed, err := e.drive(ctx, d)
	if err != nil {
		return p, retryable(err)
	}
	if passed && d.Token != "" {
		// Only now, with the lease given back: the execution goes on at once.
		err := e.Executions.SucceedTask(ctx, d.Token, []byte("{}"))
		if err != nil && !errors.Is(err, ops.ErrTokenUsed) {
			return p, &Unavailable{Err: fmt.Errorf("pass the state of step %s of workflow %s: %w", d.Step, d.InstanceID, err)}
		}
	}
	return p, nil
}

// drive works on the instance until nothing is ready. passed reports whether the drive's step has ended.
func (e *Engine) drive(ctx context.Context, d Drive) (p Progress, passed bool, err error) {
	owner := d.RequestID
	if owner == "" {
		if owner, err = ops.RandomID("req-", e.Random); err != nil {
			return Progress{}, false, err
		}
	}
	sent := map[string]bool{}
	for again := range maxConflicts {
		p, passed, err = e.driveOnce(ctx, d, owner, again, sent)
		if !errors.Is(err, errAgain) {
			break
		}
	}
	if err != nil && !decided(err) {
		e.giveBack(ctx, d.InstanceID, owner)
	}
	if errors.Is(err, errAgain) {
		err = fmt.Errorf("workflow %s: %w", d.InstanceID, err)
	}
	return p, passed, err
}

// giveBack ends the lease of an invocation that could not go on, so that the next one, which may, need not wait for its end.
// What it had not stored is done again. Should this fail as well, the lease ends by itself.
func (e *Engine) giveBack(ctx context.Context, id, owner string) {
	i, err := e.Store.Instance(ctx, id)
	if err == nil && i.Lease.Owner != owner || ops.ErrorCode(err) == ops.CodeNotFound {
		return
	}
	if err == nil {
		i.Lease = ops.Lease{}
		i.ClearTimer(ops.TimerLease)
		again := e.Clock.Now().Add(lookAfter)
		i.SetTimer(ops.TimerWake, again)
		i.WaitFor(ops.WaitingFor{Kind: ops.WaitRetry, Since: e.Clock.Now(), Until: again})
		err = e.Store.Save(ctx, i)
	}
	if err != nil && ops.AsConflict(err) == nil {
		e.Logger.WarnContext(ctx, "lease not given back; it will end by itself", "instance", id, "error", err)
	}
}

func (e *Engine) driveOnce(ctx context.Context, d Drive, owner string, again int, sent map[string]bool) (Progress, bool, error) {
	i, err := e.Store.Instance(ctx, d.InstanceID)
	if err != nil {
		return Progress{}, false, fmt.Errorf("read workflow %s: %w", d.InstanceID, err)
	}
	switch {
	case i.Attempt != d.Attempt:
		return Progress{}, false, &Superseded{InstanceID: i.ID}
	case d.late(&i.Waits): // the execution is in a later state, or tries this one again
		return Progress{}, false, &Superseded{InstanceID: i.ID}
	case i.Status == ops.InstanceCompleted:
		if d.Step == i.Waits.Step { // the answer of who completed it was lost: it may not have told anybody
			err = e.tellEnd(ctx, i)
		}
		return Progress{Status: i.Status, WaitUntil: e.Clock.Now().Format(time.RFC3339)}, true, err
	case i.Status == ops.InstanceFailed && i.Error != nil:
		return Progress{}, false, &WorkflowFailed{Failure: *i.Error}
	case i.Status.Ended() || i.Status == ops.InstancePaused:
		return Progress{}, false, &Superseded{InstanceID: i.ID}
	}
	plan, err := e.plan(ctx, i.Template, i.TemplateVersion)
	if err != nil {
		return Progress{}, false, err
	}
	r := &run{
		Engine: e, owner: owner, plan: plan, d: d, i: i, again: again, sent: sent, mask: ops.NewMask(i.Secrets), staged: map[ops.Ref]ops.Record{}, logged: i.Happened(),
	}
	err = r.claim(ctx, owner)
	if err == nil {
		err = r.pass(ctx)
	}
	if err != nil {
		return Progress{}, false, r.heed(ctx, err)
	}
	if err := r.leads(ctx); err != nil {
		return Progress{}, false, err
	}
	return r.progress(), r.passed(), nil
}

// leads finds what keeps the execution from going on, or from waiting, in the drive's state.
func (r *run) leads(ctx context.Context) error {
	if s := r.openWait(); s != nil && r.plan.behind(r.d.Step, s.ID) {
		return &SentBack{InstanceID: r.i.ID, Step: s.ID}
	}
	if r.waits() {
		return r.look(ctx)
	}
	if step, at := r.nextRetry(); step != "" && r.d.Token == "" && !r.passed() {
		return &TryLater{InstanceID: r.i.ID, Step: step, At: at}
	}
	return nil
}

// openWait gives the first wait in the chain that is not over.
func (r *run) openWait() *ops.Step {
	for _, s := range r.plan.waits {
		if !r.i.Step(s.ID).Status.Ended() {
			return s
		}
	}
	return nil
}

// waits reports whether the execution stays in the drive's state until its token is given back.
func (r *run) waits() bool { return r.d.Token != "" && !r.passed() && !r.i.Status.Ended() }

// look reads what is waited for once more, now that the token is written: whoever decided a task, or took in an event, before could not
// know of it (see ops.Wake).
func (r *run) look(ctx context.Context) error {
	for _, id := range r.seen {
		t, err := r.Store.Task(ctx, id)
		if err != nil {
			return &Unavailable{Err: fmt.Errorf("read task %s: %w", id, err)}
		}
		if t.Status.Decided() {
			return errAgain
		}
	}
	for _, s := range r.awaited {
		e, err := r.arrived(ctx, r.i, s)
		if err != nil {
			return err
		}
		if e != nil {
			return errAgain
		}
	}
	return nil
}

// claim makes the instance this invocation's until the lease ends. That is written down before anything is done outside of our
// records, or takes long; what needs only one write is done in that one. Every write is conditional on the record's version,
// so of two invocations that both took a free lease only one can write anything.
func (r *run) claim(ctx context.Context, owner string) error {
	now := r.Clock.Now()
	i := r.i
	if l := i.Lease; l.Owner != "" && l.Owner != owner && l.Until.After(now) {
		return &LeaseHeld{InstanceID: i.ID, Owner: l.Owner}
	}
	until := now.Add(leaseFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.After(now) && deadline.Before(now.Add(maxInvocation+time.Second)) {
		until = deadline
	}
	i.Lease = ops.Lease{Owner: owner, Until: until}
	i.ClearTimer(ops.TimerStart)
	i.ClearTimer(ops.TimerWake)
	i.SetTimer(ops.TimerLease, until)
	i.WaitFor(ops.WaitingFor{Kind: ops.WaitWorking, Since: now})
	if !r.d.Entered.IsZero() {
		i.Waits.Entered, i.Waits.Retries = r.d.Entered, r.d.Retries
	}
	if i.StartedAt.IsZero() {
		i.StartedAt = now
	}
	if i.Status == ops.InstancePending {
		i.Status = ops.InstanceRunning
		i.Log(ops.HistoryEntry{At: now, What: "started"})
	}
	r.unclaimed, r.flushed = true, now
	if i.Asked != nil { // of one that died before it could heed it
		return errAsked
	}
	return nil
}

// progress is the invocation's answer. A delay that is not waited for is one that ended in the past.
func (r *run) progress() Progress {
	until := r.Clock.Now()
	if rec := r.i.Step(r.d.Step); rec != nil && rec.Kind == ops.StepDelay && !rec.Status.Ended() {
		until = rec.WaitUntil
	}
	return Progress{Status: r.i.Status, WaitUntil: until.UTC().Format(time.RFC3339Nano)}
}

// passed reports whether what the drive's state waits for needs to be waited for no more.
func (r *run) passed() bool {
	if r.d.Retry {
		step, _ := r.nextRetry()
		return step == ""
	}
	rec := r.i.Step(r.d.Step)
	return rec != nil && rec.Status.Ended()
}
