package states

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Limits of redriving, as AWS documents them.
const (
	redrivePeriod   = 14 * 24 * time.Hour  // after the end
	maxOpenTime     = 365 * 24 * time.Hour // after the start
	redriveTokens   = 10                   // client tokens that are remembered
	redriveTokenAge = 15 * time.Minute     // how long each is
)

// Values of redriveStatus.
const (
	redrivable         = "REDRIVABLE"
	notRedrivable      = "NOT_REDRIVABLE"
	redrivableByMapRun = "REDRIVABLE_BY_MAP_RUN"
)

// redriveToken is a client token that redrove an execution, and when.
type redriveToken struct {
	Token string `json:"k"`
	At    int64  `json:"t"`
}

// redriveStatus says whether an execution can be redriven now, and if not, why.
func (e *Engine) redriveStatus(rec *record) (status, reason string) {
	now := e.now()
	switch {
	case rec.Status == StatusRunning, rec.Status == StatusSucceeded:
		reason = "Execution is " + rec.Status + " and cannot be redriven"
	case rec.MapRun != "":
		return redrivableByMapRun, ""
	case rec.Halted == nil:
		reason = "Execution was started before the launch of RedriveExecution"
	case rec.Halted.Seq >= maxEvents-1:
		reason = "Execution history event limit exceeded"
	case now.Sub(time.UnixMilli(rec.StartedAt)) > maxOpenTime:
		reason = "Execution has exceeded the max execution time"
	case now.Sub(time.UnixMilli(rec.StoppedAt)) > redrivePeriod:
		reason = "Execution redrivable period exceeded"
	default:
		return redrivable, ""
	}
	return notRedrivable, reason
}

// RedriveExecution lets an execution that ended without success go on from where it failed, and gives when that was asked for
// first: a client token is good for 15 minutes. Errors: InvalidArn, ExecutionDoesNotExist, ExecutionNotRedrivable.
func (e *Engine) RedriveExecution(ctx context.Context, arn, token string) (time.Time, error) {
	defer e.clock.Busy()()
	key, err := standardKey(arn)
	if err != nil {
		return time.Time{}, err
	}
	e.redriving.Lock()
	defer e.redriving.Unlock()
	rec, err := e.load(ctx, key)
	if err != nil {
		return time.Time{}, err
	}
	for _, t := range rec.Tokens {
		if at := time.UnixMilli(t.At).UTC(); token != "" && t.Token == token && e.now().Sub(at) < redriveTokenAge {
			return at, nil
		}
	}
	status, reason := e.redriveStatus(rec)
	if _, _, err := e.machine(ctx, e.machineARN(rec.Machine)); errors.As(err, new(*APIError)) {
		status, reason = notRedrivable, "State machine is in DELETING status"
	}
	if status == redrivableByMapRun {
		reason = "Execution is redriven with its Map Run, by redriving the execution that started that"
	}
	if status != redrivable {
		return time.Time{}, apiError("ExecutionNotRedrivable", "%s", reason)
	}
	x, err := e.restore(ctx, key)
	if err != nil {
		return time.Time{}, err
	}
	at := time.UnixMilli(e.now().UnixMilli()).UTC()
	if err := e.admit(ctx, x, put, func() { x.redrive(token, at) }); err != nil {
		return time.Time{}, err
	}
	return at, nil
}

// redrive lets every thread that stands still begin its state again.
func (x *execution) redrive(token string, at time.Time) {
	r := &x.rec
	r.Status, r.StoppedAt, r.TimeoutAt = StatusRunning, 0, 0
	r.Output, r.Error, r.Cause, r.Halted = nil, nil, nil, nil
	if r.MapRun == "" {
		r.Parent = nil // went on without it
	}
	r.Redrives++
	r.RedrivenAt = at.UnixMilli()
	if token != "" {
		r.Tokens = append(r.Tokens, redriveToken{token, r.RedrivenAt})
		r.Tokens = slices.Clone(r.Tokens[max(0, len(r.Tokens)-redriveTokens):])
	}
	x.setTimeout()
	x.event(nil, "ExecutionRedriven", map[string]any{"redriveCount": r.Redrives})
	x.events[0].PreviousID = x.events[0].ID - 1
	for id := range x.count.Next { // parents have lower ids than their children
		if t := x.threads[id]; t != nil && t.Phase == phaseHalted {
			x.goOn(t)
		}
	}
}

// goOn begins again the state that a thread stood still in. What happens then follows the event of entering it.
func (x *execution) goOn(t *thread) {
	s := t.state()
	t.Retries, t.Retried, t.Wake, t.Prev = nil, 0, 0, t.EnteredID
	x.touch(t)
	switch {
	case s == nil: // an iteration whose input could not be made
		parent := x.threads[t.Parent]
		x.startThread(parent, parent.state(), t)
	case s.kind == "Fail":
		x.enter(t, t.State, t.Input.V)
	case t.Join != nil && t.Join.MapRun != "":
		x.redriveRun(t)
	case t.Join != nil: // its branches or iterations are halted themselves, or done
		t.Phase = phaseJoin
		x.startThreads(t, s)
	default:
		x.discardJoin(t)
		t.Phase = phaseRun
		x.ready = append(x.ready, t)
	}
}

// redriveRun lets the children of a map run go on that failed or have not begun.
func (x *execution) redriveRun(t *thread) {
	a, err := x.loadRun(x.e.ctx, t, true)
	if err == nil {
		t.Phase = phaseJoin
		x.saveRun(a)
		x.event(t, "MapRunRedriven", map[string]any{"mapRunArn": x.e.mapRunARN(a.key), "redriveCount": a.Redrives})
		err = x.advance(t, a)
	}
	if err != nil {
		x.failState(t, t.state(), x.asFailure(t, err))
	}
}
