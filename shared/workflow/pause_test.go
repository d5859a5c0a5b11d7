package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// unreliable fails its first tries, and notes when each was.
type unreliable struct {
	rig   *rig
	fails int
	tries []time.Duration // from the start
}

func (u *unreliable) act(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
	u.tries = append(u.tries, u.rig.clock.Now().Sub(start).Truncate(time.Minute))
	if len(u.tries) <= u.fails {
		return workflow.ActionResult{}, errors.New("not yet")
	}
	return workflow.ActionResult{}, nil
}

// minutes lets time pass, with sweep-due each minute, until a workflow has ended.
func (r *rig) minutes(t *testing.T, id string, most int) *ops.Instance {
	t.Helper()
	for range most {
		i, err := r.store.Instance(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if i.Status.Ended() {
			return i
		}
		if err := r.clock.Advance(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := r.HandleDue(t.Context(), i.Ref()); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("it has not ended")
	return nil
}

// entered lists the states that the execution of an instance entered.
func (r *rig) entered(t *testing.T, i *ops.Instance) []string {
	t.Helper()
	arn := strings.Replace(i.StateMachine, ":stateMachine:", ":execution:", 1) + ":" + i.ExecutionName()
	all, err := r.machines.states.GetExecutionHistory(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		if !strings.HasSuffix(e.Type, "StateEntered") {
			continue
		}
		var detail struct{ Name string }
		if err := json.Unmarshal(e.Details, &detail); err != nil {
			t.Fatal(err)
		}
		names = append(names, detail.Name)
	}
	return names
}

func TestATryThatIsFarAwayCostsOneStateHoweverFarItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails  int
		steps  []string
		tries  []time.Duration
		states []string
		ends   time.Duration
	}{
		"at the end": {
			3,
			[]string{`{"id": "a", "name": "A", "kind": "automated", "action": "test.try", "retry": {"max_attempts": 4, "backoff": "1h", "max_backoff": "3h", "jitter": "none"}}`},
			[]time.Duration{0, time.Hour, 3 * time.Hour, 6 * time.Hour},
			[]string{"Run the steps", "Until the next try", "Until the next try", "Until the next try", "Until the next try", "Run the steps"},
			6 * time.Hour,
		},
		"beside a delay": {
			1,
			[]string{
				`{"id": "a", "name": "A", "kind": "automated", "action": "test.try", "retry": {"max_attempts": 2, "backoff": "10m", "jitter": "none"}}`,
				`{"id": "b", "name": "Rest", "kind": "delay", "for": "1h"}`,
			},
			[]time.Duration{0, 10 * time.Minute},
			[]string{"Before Rest", "Retry before Rest", "Retry before Rest", "Before Rest", "Rest", "Finish"},
			time.Hour,
		},
		"beside a person's task": {
			1,
			[]string{
				`{"id": "a", "name": "A", "kind": "automated", "action": "test.try", "retry": {"max_attempts": 2, "backoff": "10m", "jitter": "none"}}`,
				`{"id": "b", "name": "Look", "kind": "manual", "depends_on": ["a"], "when": {"path": "context.x", "op": "exists"}}`,
			},
			[]time.Duration{0, 10 * time.Minute},
			[]string{"Look", "Look", "Finish"},
			10 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &unreliable{fails: c.fails}
			u.rig = interpret(t, map[string]workflow.Action{"test.try": u.act})
			tpl, err := u.rig.CreateTemplate(t.Context(), []byte(document(c.steps...)), admin)
			if err != nil {
				t.Fatal(err)
			}
			if tpl, err = u.rig.Publish(t.Context(), tpl.Name, tpl.Version, admin, true); err != nil {
				t.Fatal(err)
			}
			i, err := u.rig.Start(t.Context(), ops.StartRequest{Template: tpl.Name}, ops.Actor{ID: "starter"})
			if err != nil {
				t.Fatal(err)
			}
			if err := u.rig.clock.Advance(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			i = u.rig.minutes(t, i.ID, 500)
			if i.Status != ops.InstanceCompleted || i.EndedAt.Sub(start).Truncate(time.Minute) != c.ends {
				t.Errorf("it is %s (%+v) after %s", i.Status, i.Error, i.EndedAt.Sub(start))
			}
			if !slices.Equal(u.tries, c.tries) {
				t.Errorf("tries after %v, want %v", u.tries, c.tries)
			}
			if got := u.rig.entered(t, i); !slices.Equal(got, c.states) {
				t.Errorf("it went through %q, want %q", got, c.states)
			}
			if most := workflow.Advise(tpl).Cost.StatesMax; len(c.states) > most {
				t.Errorf("it is said to go through %d states at most", most)
			}
		})
	}
}

func TestJitterTakesAsMuchOfAWaitAsTheTemplateSays(t *testing.T) {
	t.Parallel()
	for jitter, least := range map[ops.Jitter]time.Duration{"": 30 * time.Minute, ops.JitterHalf: 30 * time.Minute, ops.JitterNone: time.Hour, ops.JitterFull: 0} {
		b := setup(t, map[string]workflow.Action{
			"test.break": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
				return workflow.ActionResult{}, errors.New("not yet")
			},
		})
		more := ""
		if jitter != "" {
			more = `, "jitter": "` + string(jitter) + `"`
		}
		b.publish(t, document(`{"id": "a", "name": "A", "kind": "automated", "action": "test.break", "retry": {"max_attempts": 2, "backoff": "1h"`+more+`}}`))
		waits := map[time.Duration]bool{}
		for range 5 {
			i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
			wait := i.Step("a").RetryAt.Sub(b.clock.Now())
			if waits[wait] = true; wait < least || wait > time.Hour {
				t.Errorf("jitter %q waits %s", jitter, wait)
			}
		}
		if (len(waits) == 1) != (jitter == ops.JitterNone) {
			t.Errorf("jitter %q waits %v", jitter, waits)
		}
	}
}
