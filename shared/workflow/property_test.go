package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// effects is what the actions of random workflows did, in order.
type effects struct {
	mu     sync.Mutex
	done   map[string]int      // by key
	undone map[string][]string // steps, by instance
}

func (e *effects) actions() map[string]workflow.Action {
	return map[string]workflow.Action{
		"test.fail": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
			var fails int
			if _, err := fmt.Sscan(string(in.Params["fails"]), &fails); err != nil {
				return workflow.ActionResult{}, err
			}
			if in.Instance.Step(in.Step.ID).Tries <= fails {
				return workflow.ActionResult{}, errors.New("not this time")
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			e.done[in.Key]++
			return workflow.ActionResult{}, nil
		},
		"test.undo": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.undone[in.Instance.ID] = append(e.undone[in.Instance.ID], in.Step.ID)
			return workflow.ActionResult{}, nil
		},
	}
}

// TestTheInterpretersRunAgreesWithAPlainModel runs random templates. Each of rapid's checks (100 by default) runs ten.
func TestTheInterpretersRunAgreesWithAPlainModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		did := &effects{done: map[string]int{}, undone: map[string][]string{}}
		r := interpret(t, did.actions())
		for run := range 10 {
			w := &walk{rig: r, rt: rt, nodes: randomNodes(rt), run: run, refused: map[string]int{}}
			i := w.through(t)
			w.compare(t, i)
			w.compareUndone(i, did.undone[i.ID])
		}
		for key, n := range did.done {
			if n != 1 {
				rt.Errorf("%s ran %d times", key, n)
			}
		}
	})
}

// walk takes one random workflow to its end.
type walk struct {
	*rig
	rt      *rapid.T
	nodes   []node
	run     int
	refused map[string]int
	events  int
	body    string
}

// start makes the template and begins the workflow. Each step that waits for an event has a key of its own.
func (w *walk) start(t *testing.T) *ops.Instance {
	var steps []string
	given := map[string]json.RawMessage{"answer": json.RawMessage(`"yes"`)}
	for _, s := range w.nodes {
		steps = append(steps, s.json(w.nodes))
		given[s.id] = json.RawMessage(fmt.Sprintf("%q", w.key(s)))
	}
	w.body = document(steps...)
	tpl, err := w.CreateTemplate(t.Context(), []byte(w.body), admin)
	if err == nil {
		tpl, err = w.Publish(t.Context(), tpl.Name, tpl.Version, admin, true)
	}
	if err != nil {
		w.rt.Fatalf("%v\n%s", err, w.body)
	}
	i, err := w.Start(t.Context(), ops.StartRequest{Template: tpl.Name, Version: tpl.Version, Context: given}, ops.Actor{ID: "starter"})
	if err != nil {
		w.rt.Fatal(err)
	}
	return i
}

func (w *walk) key(s node) string { return fmt.Sprintf("pay-%d-%s", w.run, s.id) }

func (w *walk) node(id string) node {
	return w.nodes[slices.IndexFunc(w.nodes, func(s node) bool { return s.id == id })]
}

// through runs it to its end: of what somebody can do any is done next, and time passes when there is nothing.
func (w *walk) through(t *testing.T) *ops.Instance {
	i := w.start(t)
	advance := time.Duration(0)
	for range 200 {
		if err := w.clock.Advance(t.Context(), advance); err != nil {
			w.rt.Fatal(err)
		}
		var err error
		if i, err = w.store.Instance(t.Context(), i.ID); err != nil {
			w.rt.Fatal(err)
		}
		if i.Status.Ended() {
			return i
		}
		var open []*ops.StepRecord
		for n := range i.Steps {
			rec := &i.Steps[n]
			s := w.node(rec.ID)
			if rec.Status == ops.StepInProgress && (s.person() && !s.expires || s.kind == "await_event" && s.arrives) {
				open = append(open, rec)
			}
		}
		if len(open) == 0 || rapid.IntRange(0, 3).Draw(w.rt, "time passes") == 0 {
			advance = 24 * time.Hour
			w.sweep(t, i)
			continue
		}
		advance = 0
		w.act(t, open[rapid.IntRange(0, len(open)-1).Draw(w.rt, "next")])
	}
	w.rt.Fatalf("it hangs: %s, waiting for %+v, %+v\n%s", i.Status, i.WaitingFor, i.Steps, w.body)
	return nil
}

// sweep is what sweep-due does.
func (w *walk) sweep(t *testing.T, i *ops.Instance) {
	for n := range i.Steps {
		if rec := &i.Steps[n]; rec.TaskID != "" && rec.Status == ops.StepInProgress {
			if err := w.tasks.HandleDue(t.Context(), ops.Ref{Kind: ops.KindTask, ID: rec.TaskID}); err != nil {
				w.rt.Fatal(err)
			}
			if err := w.clock.Advance(t.Context(), 0); err != nil {
				w.rt.Fatal(err)
			}
		}
	}
	if err := w.HandleDue(t.Context(), i.Ref()); err != nil {
		w.rt.Fatal(err)
	}
}

// act does what somebody outside does about a step.
func (w *walk) act(t *testing.T, rec *ops.StepRecord) {
	s := w.node(rec.ID)
	if s.kind == "await_event" {
		w.pay(t, s)
		return
	}
	var err error
	if s.rejected || w.refused[s.id] < s.refusals {
		w.refused[s.id]++
		_, err = w.tasks.Reject(t.Context(), rec.TaskID, member(ops.Operations), "no")
	} else {
		for n := range s.quorum {
			by := ops.Actor{ID: fmt.Sprintf("m-%d", n), Teams: []ops.Team{ops.Operations}}
			if err == nil {
				_, err = w.tasks.Complete(t.Context(), rec.TaskID, by, task.Decision{})
			}
		}
	}
	if err != nil {
		w.rt.Fatalf("%s: %v", rec.ID, err)
	}
}

// pay lets the event arrive that a step waits for.
func (w *walk) pay(t *testing.T, s node) {
	w.events++
	rules := rule.New(rule.Config{
		Store: w.store, Workflows: w.Engine, Bus: &bus{}, Clock: w.clock, Random: rand.NewChaCha8([32]byte{3}), Logger: slog.New(slog.DiscardHandler),
	})
	detail := fmt.Sprintf(`{"event_id": "evt-%d-%s-%d", "payment_id": %q, "booking_id": "bk-%d", "amount": 10, "currency": "AED", "status": "confirmed"}`,
		w.run, s.id, w.events, w.key(s), w.run)
	if err := rules.HandleEvent(t.Context(), ops.Envelope{
		ID: fmt.Sprintf("env-%d-%d", w.run, w.events), Source: "payments", DetailType: string(ops.PaymentReceived), Time: w.clock.Now(),
		Detail: json.RawMessage(detail),
	}); err != nil {
		w.rt.Fatal(err)
	}
}

// compare holds what became of the steps, and in which order, against the model.
func (w *walk) compare(t *testing.T, i *ops.Instance) {
	want, failed := modelled(w.nodes)
	if (i.Status == ops.InstanceFailed) != failed {
		w.rt.Fatalf("it ends %s (%+v), the model fails: %v\n%s", i.Status, i.Error, failed, w.body)
	}
	history, err := w.store.History(t.Context(), i, 0, i.Happened(), 0)
	if err != nil {
		w.rt.Fatal(err)
	}
	ended := map[string]bool{}
	for _, h := range history {
		n := slices.IndexFunc(w.nodes, func(s node) bool { return s.id == h.Step })
		switch h.What {
		case "sent_back": // that step and all that follows it begin anew
			for again := range w.nodes {
				if again == w.nodes[n].reworkTo || w.follows(again, w.nodes[n].reworkTo) {
					delete(ended, w.nodes[again].id)
				}
			}
		case "step_completed", "step_skipped", "step_failed":
			for _, need := range needs(w.nodes, n) {
				if !ended[w.nodes[need].id] {
					w.rt.Errorf("%s ended before %s: %+v\n%s", h.Step, w.nodes[need].id, history, w.body)
				}
			}
			if ended[h.Step] {
				w.rt.Errorf("%s ended twice", h.Step)
			}
			ended[h.Step] = true
		}
	}
	for n, s := range w.nodes {
		got := i.Step(s.id).Status
		if got != want[n] && (!failed || got.Ended()) { // what a failure was faster than is left as it was
			w.rt.Errorf("step %s is %s, want %q\n%s", s.id, got, want[n], w.body)
		}
	}
}

// compareUndone holds what was compensated against what was completed: with a step that fails so, its own compensation comes
// first, then those of what was completed, the latest first.
func (w *walk) compareUndone(i *ops.Instance, undone []string) {
	var want []string
	if i.Status == ops.InstanceFailed {
		if failed := w.node(i.Error.Step); failed.ends() == "compensate" {
			if failed.undo {
				want = append(want, failed.id)
				if len(undone) == 0 || undone[0] != failed.id {
					w.rt.Errorf("undone is %q, first should be %s", undone, failed.id)
				}
			}
			for _, s := range w.nodes {
				if s.undo && i.Step(s.id).Status == ops.StepCompleted {
					want = append(want, s.id)
				}
			}
		}
	}
	if got := slices.Sorted(slices.Values(undone)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		w.rt.Errorf("undone is %q, want all of %q\n%s", undone, want, w.body)
	}
	if len(undone) < 2 {
		return
	}
	for n, later := range undone[1:] {
		for _, earlier := range undone[n+2:] {
			a, b := i.Step(later), i.Step(earlier)
			number := func(id string) int { return slices.IndexFunc(w.nodes, func(s node) bool { return s.id == id }) }
			if a.FinishedAt.Before(b.FinishedAt) || w.follows(number(earlier), number(later)) {
				w.rt.Errorf("%s, which ended %s, is undone before %s, which ended %s: %s", later, a.FinishedAt, earlier, b.FinishedAt,
					strings.Join(undone, ", "))
			}
		}
	}
}

// follows reports whether a step waits for another, directly or over others.
func (w *walk) follows(n, other int) bool {
	return slices.ContainsFunc(needs(w.nodes, n), func(need int) bool { return need == other || w.follows(need, other) })
}
