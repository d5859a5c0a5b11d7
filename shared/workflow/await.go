package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const (
	// lookAfterEvent is how long after a wait for an event began it is looked for again: whoever took the event in may have
	// died before it told us, and its delivery need not be tried again.
	lookAfterEvent = time.Hour
	// keepWaiter is how long a waiter is kept at most: longer than an execution lives.
	keepWaiter = 400 * 24 * time.Hour
	// maxEventOutput is the largest detail of an event that becomes part of a step's output.
	maxEventOutput = 32 << 10
)

// awaitEvent waits for an event. Both sides write first and then read consistently: the step its waiter, and then what has
// arrived; match-rules the event with what it names, and then the waiters (Arrived). So at least one of them sees the other.
// Which event ends the wait, or whether its time is over, is decided by the write of the instance: once.
func (r *run) awaitEvent(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	now := r.Clock.Now()
	if rec.Tries == 0 {
		key, err := r.awaitedKey(ctx, s)
		if err != nil {
			return err
		}
		rec.Tries++
		if !ops.ValidID(key) {
			return r.fail(ctx, s, rec, s.OnError, ops.StepError{Code: "no_key", Message: "there is no id at " + s.Key})
		}
		rec.Key = key
		if !s.Timeout.IsZero() {
			rec.WaitUntil = r.Calendar.Deadline(now, s.Timeout)
		}
		w := &ops.Waiter{Event: s.Event, Key: key, InstanceID: r.i.ID, Step: s.ID, Loop: rec.Loop, Attempt: r.i.Attempt}
		w.ExpiresAt = now.Add(keepWaiter)
		// By itself, and at once: the instance's record can wait, but what has arrived is to be read after this.
		if err := r.Store.Save(ctx, w); err != nil && ops.AsConflict(err) == nil {
			return &Unavailable{Err: fmt.Errorf("wait for %s %s: %w", s.Event, key, err)}
		}
		r.log("event_awaited", s.ID, "", map[string]any{"event": s.Event, "key": key})
	}
	e, err := r.arrived(ctx, r.i, s)
	switch {
	case err != nil:
		return err
	case e != nil:
		return r.takeEvent(s, rec, e)
	case !rec.WaitUntil.IsZero() && !now.Before(rec.WaitUntil):
		way := s.OnTimeout
		if way.IsZero() {
			way = s.OnError
		}
		return r.fail(ctx, s, rec, way, ops.StepError{Code: "timed_out", Message: fmt.Sprintf("no %s for %s arrived in time", s.Event, rec.Key)})
	}
	r.awaited = append(r.awaited, s)
	return nil
}

func (r *run) awaitedKey(ctx context.Context, s *planned) (string, error) {
	doc, err := r.doc(ctx)
	if err != nil {
		return "", err
	}
	v, _ := rule.Resolve(quote(s.Key), doc)
	return text(v), nil
}

// takeEvent makes an event the step's outcome.
func (r *run) takeEvent(s *planned, rec *ops.StepRecord, e *ops.Event) error {
	out := eventOutput{EventID: e.ID, Type: e.Type, Time: e.Time, Detail: e.Detail}
	if len(e.Detail) > maxEventOutput {
		out.Detail = nil
	}
	output, err := encodeOutput(out)
	if err != nil {
		return err
	}
	rec.Output, rec.Taken, rec.WaitUntil = output, e.ID, time.Time{}
	r.log("event_arrived", s.ID, "", map[string]any{"event": e.ID})
	r.finish(rec)
	return nil
}

// eventOutput is the output of an await_event step. A detail over 32 KiB is left out: the event has it.
type eventOutput struct {
	EventID string          `json:"event_id"`
	Type    string          `json:"type"`
	Time    time.Time       `json:"time"`
	Detail  json.RawMessage `json:"detail,omitempty"`
}

// arrived finds the event that a step waits for: the oldest that counts and matches, among what arrived last for all that its
// key may be the id of; nil when none has arrived. The reads are consistent.
func (e *Engine) arrived(ctx context.Context, i *ops.Instance, s *planned) (*ops.Event, error) {
	var all []ops.LastEvent
	rec := i.Step(s.ID)
	for _, ref := range ops.Awaited(s.Event, rec.Key) {
		subject, err := e.Store.Subject(ctx, ref)
		if err != nil {
			return nil, &Unavailable{Err: fmt.Errorf("read %s: %w", ref, err)}
		}
		for _, one := range subject.Arrived[s.Event] {
			if counts(i, s.Step, one.EventID, one.At) {
				all = append(all, one)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b ops.LastEvent) int { return a.At.Compare(b.At) })
	for _, one := range all {
		event, err := e.Store.Event(ctx, one.EventID)
		if ops.ErrorCode(err) == ops.CodeNotFound { // events are kept for a time: that it arrived is known all the same
			event, err = &ops.Event{ID: one.EventID, Type: string(s.Event), Time: one.At}, nil
		}
		if err != nil {
			return nil, &Unavailable{Err: fmt.Errorf("read event %s: %w", one.EventID, err)}
		}
		if e.matches(s, event) {
			return event, nil
		}
	}
	return nil, nil
}

// matches reports whether an event is of the kind that a step waits for.
func (e *Engine) matches(s *planned, event *ops.Event) bool {
	if s.match == nil {
		return true
	}
	ok, _ := s.match.Eval(rule.Doc{"detail": event.Detail}, e.Clock.Now())
	return ok
}

// counts reports whether an event that arrived at a time is one that a step waits for: it did not arrive too early, did not
// begin the workflow, and is not what an earlier step had waited for.
func counts(i *ops.Instance, s *ops.Step, eventID string, at time.Time) bool {
	since := i.CreatedAt
	if !s.Lookback.IsZero() {
		since = i.Step(s.ID).StartedAt.Add(-s.Lookback.D)
	}
	if at.Before(since) || eventID == i.TriggeredBy.EventID {
		return false
	}
	return !slices.ContainsFunc(i.Steps, func(rec ops.StepRecord) bool { return rec.Taken == eventID })
}

// missed gives a step whose event has arrived without anybody telling the execution; "" when there is none.
func (e *Engine) missed(ctx context.Context, i *ops.Instance) (step string, err error) {
	p, err := e.plan(ctx, i.Template, i.TemplateVersion)
	if err != nil {
		return "", err
	}
	for n := range i.Steps {
		rec := &i.Steps[n]
		if rec.Kind != ops.StepAwaitEvent || rec.Status != ops.StepInProgress {
			continue
		}
		event, err := e.arrived(ctx, i, p.step(rec.ID))
		if event != nil || err != nil {
			return rec.ID, err
		}
	}
	return "", nil
}

// Arrived implements ops.Workflows.
func (e *Engine) Arrived(ctx context.Context, event *ops.Event) error {
	told := map[string]bool{}
	for _, ref := range event.Subjects() {
		if told[ref.ID] {
			continue
		}
		told[ref.ID] = true
		waiters, err := e.Store.Waiters(ctx, ops.EventType(event.Type), ref.ID)
		if err != nil {
			return fmt.Errorf("read who waits for %s %s: %w", event.Type, ref.ID, err)
		}
		for _, w := range waiters {
			if err := e.tell(ctx, w, event); err != nil {
				return fmt.Errorf("tell workflow %s of %s %s: %w", w.InstanceID, event.Type, ref.ID, err)
			}
		}
	}
	return nil
}

// tell lets a workflow go on that waits for an event. A waiter of a wait that is over is taken away: nobody else does.
func (e *Engine) tell(ctx context.Context, w *ops.Waiter, event *ops.Event) error {
	i, err := e.Store.Instance(ctx, w.InstanceID)
	if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
		return err
	}
	if err != nil || over(i, w) {
		if err := e.Store.Delete(ctx, w); err != nil && ops.AsConflict(err) == nil {
			return err
		}
		return nil
	}
	rec := i.Step(w.Step)
	if rec.Status != ops.StepInProgress {
		return nil // it is about to look for itself
	}
	p, err := e.plan(ctx, i.Template, i.TemplateVersion)
	if err != nil {
		return err
	}
	if s := p.step(w.Step); !counts(i, s.Step, event.ID, event.CreatedAt) || !e.matches(s, event) {
		return nil
	}
	_, err = ops.Wake(ctx, e.Store, e.Executions, i.ID, w.Step)
	return err
}

// over reports whether a wait has ended. A failed workflow's has not, if the step had not: it may be tried again.
func over(i *ops.Instance, w *ops.Waiter) bool {
	rec := i.Step(w.Step)
	return i.Status == ops.InstanceCompleted || i.Status == ops.InstanceCancelled ||
		rec == nil || rec.Status.Ended() || rec.Loop > w.Loop
}
