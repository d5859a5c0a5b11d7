package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const (
	// flushEvery is the most of an invocation's work that a crash can make it do again.
	flushEvery = time.Second
	// maxStaged keeps a transaction below what one may hold.
	maxStaged = 50
	// maxStepOutput is the most that an action may give, in bytes of JSON.
	maxStepOutput = 64 << 10
	// maxSaid is the most that people's answers come to: ops.MaxAnswers, and once more those of who decided.
	maxSaid = 2*ops.MaxAnswers + 8<<10
)

// run is one invocation's work on an instance.
type run struct {
	*Engine
	plan *plan
	d    Drive
	i    *ops.Instance
	// owner is who holds the lease for this invocation.
	owner string
	// unclaimed says that no write has told others of this invocation yet: it must do nothing outside of our records.
	unclaimed bool
	// again counts how often this invocation has begun anew because others wrote what it had read.
	again int
	// sent are the events that this invocation put on the bus, also before it began anew: whoever gets one a second time
	// drops it, so it need not be paid for.
	sent map[string]bool
	// known are the subjects as they were read or written here last: every step looks into its workflow's, and a read of each
	// would be paid for. Whoever writes one that has changed meanwhile loses, and begins anew.
	known map[ops.SubjectRef]*ops.Subject

	// What is to be written with the instance's record, and put on the bus before that.
	staged  map[ops.Ref]ops.Record
	order   []ops.Ref
	emits   []ops.OutEvent
	flushed time.Time
	// seen are the tasks that were open when they were read.
	seen []string
	// awaited are the steps whose events had not arrived when they were looked for.
	awaited []*planned
	// redone says that a step that had its turn is to be done again.
	redone bool
	// mask hides secrets in what is kept to be seen.
	mask ops.Mask
	// logged is how many entries of the history are stored.
	logged int
}

// pass does everything that can be done. It stores how the instance stands then and gives the lease back.
func (r *run) pass(ctx context.Context) error {
	for {
		r.redone = false
		if err := r.turn(ctx); err != nil {
			return err
		}
		if r.redone {
			continue
		}
		slept, err := r.sleep(ctx)
		if err != nil {
			return err
		}
		if !slept {
			break
		}
	}
	r.settle()
	return r.flush(ctx)
}

// turn goes once through the steps, in an order in which each comes after all that it needs.
func (r *run) turn(ctx context.Context) error {
	for n := range r.plan.steps {
		s := &r.plan.steps[n]
		if err := r.step(ctx, s); err != nil {
			if err = r.stuck(ctx, s, err); err != nil {
				return err
			}
		}
		if r.Clock.Now().Sub(r.flushed) >= flushEvery || len(r.staged) >= maxStaged {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// cause is what the instance's effects follow from.
func cause(i *ops.Instance) ops.Cause {
	by := i.TriggeredBy
	return ops.Cause{EventID: by.EventID, RuleID: by.RuleID, InstanceID: i.ID, Depth: by.Depth + 1}
}

// stage adds a record to the next write; a later version of the same record takes the place of an earlier one.
func (r *run) stage(records ...ops.Record) {
	for _, rec := range records {
		ref := rec.Ref()
		if r.staged[ref] == nil {
			r.order = append(r.order, ref)
		}
		r.staged[ref] = rec
	}
}

// emit adds the events of a step to the next flush, under ids that follow from instance and step.
func (r *run) emit(step string, events ...ops.OutEvent) {
	for n, e := range events {
		if e.ID == "" {
			e.ID = r.effectKey(step, n)
		}
		e.Time, e.Cause = r.Clock.Now(), cause(r.i)
		r.emits = append(r.emits, e)
	}
}

// undoing marks the effects of a step's compensation.
const undoing = ":undo"

// effectKey names the nth effect of a step, or of its compensation: what it is done under, so that a receiver drops a
// repeat. It has the step's loop, for work that was sent back has effects of its own.
func (r *run) effectKey(step string, n int) string {
	loop := 0
	if rec := r.i.Step(strings.TrimSuffix(step, undoing)); rec != nil {
		loop = rec.Loop
	}
	key := r.i.ID + ":" + step + ":" + strconv.Itoa(loop)
	if n > 0 {
		key += ":" + strconv.Itoa(n)
	}
	return key
}

// flush carries out what was done since the last one: first the steps' events go out, then all records are stored at once.
// Events may so go out twice, under the same ids, but never get lost. How the workflow ended is told after that, for only the
// stored record decides it.
func (r *run) flush(ctx context.Context) error {
	if r.unclaimed && len(r.emits) > 0 {
		return fmt.Errorf("workflow %s: event %s came of a step that is not known to emit any", r.i.ID, r.emits[0].Type)
	}
	if err := r.send(ctx); err != nil {
		return err
	}
	now := r.Clock.Now()
	r.i.UpdatedAt = now
	r.measure(ctx)
	started, err := r.watched(ctx)
	if err != nil {
		return err
	}
	records := make([]ops.Record, 0, len(r.order))
	for _, ref := range r.order {
		records = append(records, r.staged[ref])
	}
	err = r.save(ctx, r.i, records...)
	switch {
	case ops.AsConflict(err) != nil:
		if r.adopt(ctx, ops.AsConflict(err)) {
			return r.flush(ctx)
		}
		return fmt.Errorf("%w: %w", errAgain, err)
	case ops.ErrorCode(err) == ops.CodeTooLarge:
		return r.outgrown(ctx, err)
	case err != nil:
		return fmt.Errorf("store workflow %s: %w", r.i.ID, err)
	}
	for _, rec := range records {
		if s, ok := rec.(*ops.Subject); ok {
			r.know(s)
		}
	}
	clear(r.staged)
	r.unclaimed = false
	r.order, r.flushed, r.logged = nil, now, r.i.Happened()
	r.announce(ctx, records)
	for _, i := range started {
		r.begin(ctx, i)
	}
	if r.i.Asked != nil {
		return errAsked
	}
	return r.ended(ctx, r.i)
}

// outgrown fails an instance whose record can't hold what its steps gave.
func (r *run) outgrown(ctx context.Context, err error) error {
	failure := ops.StepError{Code: "too_large", Message: "what the steps gave does not fit: " + err.Error()}
	if err := r.failStored(ctx, r.i.ID, r.i.Attempt, func(*ops.Instance) ops.StepError { return failure }); err != nil {
		return err
	}
	return &WorkflowFailed{Failure: failure}
}

// send puts on the bus what this invocation has not put there yet.
func (r *run) send(ctx context.Context) error {
	r.emits = slices.DeleteFunc(r.emits, func(e ops.OutEvent) bool { return r.sent[e.ID] })
	if len(r.emits) == 0 {
		return nil
	}
	if err := r.Bus.Put(ctx, r.emits...); err != nil {
		return fmt.Errorf("send the events of workflow %s: %w", r.i.ID, err)
	}
	if r.sent == nil {
		r.sent = map[string]bool{}
	}
	for _, e := range r.emits {
		r.sent[e.ID] = true
	}
	r.emits = nil
	return nil
}

// measure sets when the instance should end, and the progress: the weight of the steps that are done or skipped, never 100 before the
// end and never going back.
func (r *run) measure(ctx context.Context) {
	r.i.ETA, r.i.ETAP90 = time.Time{}, time.Time{}
	if r.i.Status == ops.InstanceCompleted {
		return
	}
	if !r.i.Status.Ended() && r.i.Status != ops.InstancePaused {
		r.expect(ctx, r.plan, r.i)
	}
	over := 0
	for n := range r.plan.steps {
		if rec := r.i.Step(r.plan.steps[n].ID); rec != nil && (rec.Status == ops.StepCompleted || rec.Status == ops.StepSkipped) {
			over += r.plan.steps[n].Minutes()
		}
	}
	r.i.Progress = max(r.i.Progress, min(99, over*100/max(1, r.plan.minutes)))
}

// doc is what the steps' conditions and paths look into.
func (r *run) doc(ctx context.Context) (rule.Doc, error) {
	type seen struct {
		Status ops.StepStatus  `json:"status"`
		Output json.RawMessage `json:"output,omitempty"`
		Chosen string          `json:"chosen,omitempty"`
		Error  *ops.StepError  `json:"error,omitempty"`
	}
	if err := r.Store.Load(ctx, r.i, 0); err != nil {
		return nil, &Unavailable{Err: err}
	}
	steps := make(map[string]seen, len(r.i.Steps))
	for _, rec := range r.i.Steps {
		steps[rec.ID] = seen{rec.Status, rec.Output, rec.Chosen, rec.Error}
	}
	subject, err := r.subject(ctx, r.i.Subject)
	if err != nil {
		return nil, err
	}
	if subject == nil {
		subject = &ops.Subject{}
	}
	doc := rule.Doc{"subject": rule.SubjectDoc(subject)}
	for name, v := range map[string]any{"steps": steps, "context": r.i.Context} {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("workflow %s: write %s: %w", r.i.ID, name, err)
		}
		doc[name] = b
	}
	return doc, nil
}

// subject gives a copy of a subject as this run left it; nil for the zero reference.
func (r *run) subject(ctx context.Context, ref ops.SubjectRef) (*ops.Subject, error) {
	if ref.IsZero() {
		return nil, nil
	}
	staged, ok := r.staged[(&ops.Subject{SubjectRef: ref}).Ref()].(*ops.Subject)
	if ok {
		return cloneSubject(staged), nil
	}
	if known := r.known[ref]; known != nil {
		return cloneSubject(known), nil
	}
	s, err := r.Store.Subject(ctx, ref)
	if err != nil {
		return nil, &Unavailable{Err: fmt.Errorf("read %s: %w", ref, err)}
	}
	r.know(s)
	return cloneSubject(s), nil
}

func (r *run) know(s *ops.Subject) {
	if r.known == nil {
		r.known = map[ops.SubjectRef]*ops.Subject{}
	}
	r.known[s.SubjectRef] = s
}

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s) //nolint:errchkjson // a text
	return b
}

// encodeOutput writes an action's output.
func encodeOutput(v any) (json.RawMessage, error) { return encode(v, maxStepOutput) }

// encode writes a step's output, of at most so many bytes.
func encode(v any, most int) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	switch {
	case err != nil:
		return nil, ops.Errorf(ops.CodeInvalid, "write the output: %w", err)
	case len(b) > most:
		return nil, ops.Errorf(ops.CodeTooLarge, "the output has %d bytes; at most %d can be kept", len(b), most)
	case bytes.Equal(b, null):
		return nil, nil
	}
	if err := storable(b, "$.output"); err != nil {
		return nil, fmt.Errorf("write the output: %w", err)
	}
	return b, nil
}
