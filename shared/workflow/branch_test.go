package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// decide has a member of Operations decide the task of a step, and lets what follows happen.
func (b *bundle) decide(t *testing.T, instance, step string, approve bool) *ops.Instance {
	t.Helper()
	id := b.instance(t, instance).Step(step).TaskID
	b.decided(t, id, func() (err error) {
		if approve {
			_, err = b.tasks.Complete(t.Context(), id, member(ops.Operations), task.Decision{})
		} else {
			_, err = b.tasks.Reject(t.Context(), id, member(ops.Operations), "not good enough")
		}
		return err
	})
	return b.instance(t, instance)
}

const twoBranches = `
	{"id": "begin", "name": "Begin", "kind": "automated", "action": "test.count"},
	{"id": "h1", "name": "One", "kind": "manual", "depends_on": ["begin"]},
	{"id": "a1", "name": "After one", "kind": "automated", "depends_on": ["h1"], "action": "test.count"},
	{"id": "g1", "name": "One again", "kind": "manual", "depends_on": ["a1"]},
	{"id": "h2", "name": "Two", "kind": "manual", "depends_on": ["begin"]},
	{"id": "a2", "name": "After two", "kind": "automated", "depends_on": ["h2"], "action": "test.count"},
	{"id": "g2", "name": "Two again", "kind": "manual", "depends_on": ["a2"]},
	{"id": "join", "name": "Join", "kind": "automated", "depends_on": ["g1", "g2"], "action": "test.count"}`

func TestAWaitInOneBranchDoesNotHoldUpTheOther(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"h1 g1 h2 g2", "h2 g2 h1 g1", "h2 h1 g2 g1", "h1 h2 g2 g1"} {
		c := &counting{}
		b := setup(t, map[string]workflow.Action{"test.count": c.act})
		b.publish(t, document(twoBranches))
		i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
		for _, step := range strings.Fields(order) {
			i = b.decide(t, i.ID, step, true)
			if got := i.Step(step).Status; got != ops.StepCompleted {
				t.Errorf("%s: step %s is %s once it is decided", order, step, got)
			}
			if next := "g" + step[1:]; i.Step(next).TaskID == "" {
				t.Errorf("%s: after %s, task %s is not open", order, step, next)
			}
		}
		if i.Status != ops.InstanceCompleted || c.runs["begin"] != 1 || c.runs["a1"] != 1 || c.runs["a2"] != 1 || c.runs["join"] != 1 {
			t.Errorf("%s: ends %s, ran %v", order, i.Status, c.runs)
		}
	}
}

func TestARefusalInOneBranchEndsTheWorkflowAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{"test.count": (&counting{}).act})
	b.publish(t, document(twoBranches))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if i = b.decide(t, i.ID, "h2", false); i.Status != ops.InstanceFailed || i.Error.Step != "h2" {
		t.Errorf("ends %s: %+v", i.Status, i.Error)
	}
	if other, err := b.store.Task(t.Context(), i.Step("h1").TaskID); err != nil || other.Status != ops.TaskCancelled {
		t.Errorf("the other branch's task is %s, %v", other.Status, err)
	}
}

func TestADelayBesideATaskGoesOnByItself(t *testing.T) {
	t.Parallel()
	for _, delayFirst := range []bool{true, false} {
		c := &counting{}
		b := setup(t, map[string]workflow.Action{"test.count": c.act})
		steps := []string{
			`{"id": "w", "name": "Wait", "kind": "delay", "for": "24h"}`,
			`{"id": "remind", "name": "Remind", "kind": "automated", "depends_on": ["w"], "action": "test.count"}`,
			`{"id": "h", "name": "Human", "kind": "manual"}`,
			`{"id": "then", "name": "Then", "kind": "automated", "depends_on": ["h"], "action": "test.count"}`,
		}
		if !delayFirst {
			steps = append(steps[2:], steps[:2]...)
		}
		b.publish(t, document(steps...))
		late := b.start(t, "sample", ops.SubjectRef{}, `{}`)
		b.machine.advance(t.Context(), 24*time.Hour)
		if err := b.HandleDue(t.Context(), late.Ref()); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
		if c.runs["remind"] != 1 || c.runs["then"] != 0 {
			t.Errorf("delay first %v: after the delay, ran %v", delayFirst, c.runs)
		}
		if late = b.decide(t, late.ID, "h", true); late.Status != ops.InstanceCompleted {
			t.Errorf("delay first %v: ends %s", delayFirst, late.Status)
		}
		early := b.start(t, "sample", ops.SubjectRef{}, `{}`)
		if early = b.decide(t, early.ID, "h", true); early.Step("then").Status != ops.StepCompleted || early.Status != ops.InstanceRunning {
			t.Errorf("delay first %v: decided early, then is %s, the workflow %s", delayFirst, early.Step("then").Status, early.Status)
		}
	}
}

func TestARefusedReviewSendsTheWorkBack(t *testing.T) {
	t.Parallel()
	c := &counting{}
	b := setup(t, map[string]workflow.Action{"test.count": c.act})
	b.publish(t, document(
		`{"id": "before", "name": "Before", "kind": "automated", "action": "test.count"}`,
		`{"id": "draft", "name": "Draft", "kind": "manual", "depends_on": ["before"]}`,
		`{"id": "polish", "name": "Polish", "kind": "automated", "depends_on": ["draft"], "action": "test.count"}`,
		`{"id": "beside", "name": "Beside", "kind": "manual", "depends_on": ["before"]}`,
		`{"id": "review", "name": "Review", "kind": "approval", "depends_on": ["polish"], "rework": {"to": "draft", "times": 2}}`,
		`{"id": "publish", "name": "Publish", "kind": "automated", "depends_on": ["review", "beside"], "action": "test.count"}`))
	metrics := func() int {
		all, err := b.store.Metrics(t.Context(), ops.MetricFilter{VendorID: "v-1"})
		if err != nil {
			t.Fatal(err)
		}
		return len(all.Items)
	}
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	b.decide(t, i.ID, "beside", true)
	first := b.instance(t, i.ID).Step("draft").TaskID
	b.decide(t, i.ID, "draft", true)
	if i = b.decide(t, i.ID, "review", false); i.Step("draft").TaskID == first || i.Step("draft").Status != ops.StepInProgress {
		t.Fatalf("after the refusal the draft is %+v", i.Step("draft"))
	}
	if i.Step("beside").Status != ops.StepCompleted || i.Step("before").Loop != 0 {
		t.Errorf("what does not follow the draft: %+v, %+v", i.Step("beside"), i.Step("before"))
	}
	b.decide(t, i.ID, "draft", true)
	if i = b.decide(t, i.ID, "review", true); i.Status != ops.InstanceCompleted {
		t.Fatalf("ends %s: %+v", i.Status, i.Steps)
	}
	if c.runs["before"] != 1 || c.runs["polish"] != 2 || c.runs["publish"] != 1 || metrics() == 0 {
		t.Errorf("ran %v", c.runs)
	}
	if ids := b.bus.ids(ops.QualityScoreUpdated); ids[i.ID+":polish:0"] != 1 || ids[i.ID+":polish:1"] != 1 {
		t.Errorf("each round has effects of its own: %v", ids)
	}

	i = b.start(t, "sample", ops.SubjectRef{}, `{}`)
	for n := range 3 {
		b.decide(t, i.ID, "draft", true)
		if i = b.decide(t, i.ID, "review", false); (i.Status == ops.InstanceFailed) != (n == 2) {
			t.Fatalf("after refusal %d the workflow is %s", n+1, i.Status)
		}
	}
}

func TestAStepThatIsTriedAgainHoldsNothingUp(t *testing.T) {
	t.Parallel()
	c := &counting{}
	fails := func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
		return workflow.ActionResult{}, errors.New("not yet")
	}
	b := setup(t, map[string]workflow.Action{"test.count": c.act, "test.fail": fails})
	b.publish(t, document(
		`{"id": "flaky", "name": "Flaky", "kind": "automated", "action": "test.fail", "retry": {"max_attempts": 2, "backoff": "5m"}, "on_error": "skip"}`,
		`{"id": "beside", "name": "Beside", "kind": "automated", "action": "test.count"}`,
		`{"id": "h", "name": "Human", "kind": "manual"}`,
		`{"id": "then", "name": "Then", "kind": "automated", "depends_on": ["h"], "action": "test.count"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	flaky := i.Step("flaky")
	if at := flaky.RetryAt.Sub(start); flaky.Tries != 1 || at < 150*time.Second || at > 5*time.Minute || c.runs["beside"] != 1 {
		t.Fatalf("after the first try: %+v, ran %v", flaky, c.runs)
	}
	if i = b.decide(t, i.ID, "h", true); i.Step("then").Status != ops.StepCompleted {
		t.Errorf("then is %s, %+v", i.Step("then").Status, i.WaitingFor)
	}
	if w := i.WaitingFor; w == nil || w.Kind != "retry" || i.Step("flaky").Tries != 1 {
		t.Errorf("it waits for %+v", w)
	}
	b.machine.advance(t.Context(), 5*time.Minute)
	if i = b.looked(t, i.ID); i.Status != ops.InstanceCompleted || i.Step("flaky").Status != ops.StepSkipped || i.Step("flaky").Tries != 2 {
		t.Errorf("ends %s, %+v", i.Status, i.Step("flaky"))
	}
}

func TestOf200DecisionsAtOnceOneIsTakenUpOnce(t *testing.T) {
	t.Parallel()
	c := &counting{}
	b := setup(t, map[string]workflow.Action{"test.count": c.act})
	b.publish(t, document(
		`{"id": "h", "name": "Human", "kind": "manual"}`,
		`{"id": "then", "name": "Then", "kind": "automated", "depends_on": ["h"], "action": "test.count"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	id := i.Step("h").TaskID
	var won, lost atomic.Int32
	var deciding sync.WaitGroup
	for n := range 200 {
		deciding.Go(func() {
			by := ops.Actor{ID: fmt.Sprintf("p-%d", n), Teams: []ops.Team{ops.Operations}}
			switch _, err := b.tasks.Complete(t.Context(), id, by, task.Decision{}); {
			case err == nil:
				won.Add(1)
			case ops.ErrorCode(err) == ops.CodeAlreadyDecided:
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	deciding.Wait()
	b.machine.run(t.Context())
	i = b.instance(t, i.ID)
	if won.Load() != 1 || lost.Load() != 199 || c.runs["then"] != 1 || i.Status != ops.InstanceCompleted {
		t.Errorf("%d won, %d lost, the step after it ran %d times, the workflow is %s", won.Load(), lost.Load(), c.runs["then"], i.Status)
	}
}
