package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

func limited(most int) string {
	return fmt.Sprintf(`{"name": "narrow", "type": "service_delivery", "team": "Operations", "trigger": "manual", "priority": 5,
  "max_parallel_instances": %d, "steps": [{"id": "work", "name": "Work", "kind": "automated", "action": "work"}]}`, most)
}

// execution picks one that was started and that nobody took; "" when there is none.
func (m *machines) take(taken map[string]bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.executions {
		if !taken[name] {
			taken[name] = true
			return name
		}
	}
	return ""
}

func TestNeverMoreInstancesRunThanTheTemplateAllowsAndAllCompleteInOrder(t *testing.T) {
	t.Parallel()
	const most, all = 10, 500
	var b *bundle
	var working atomic.Int64
	b = setup(t, map[string]workflow.Action{"work": func(ctx context.Context, _ workflow.ActionInput) (workflow.ActionResult, error) {
		if n := working.Add(1); n > most {
			t.Errorf("%d work at once", n)
		}
		defer working.Add(-1)
		slots, err := b.store.Slots(ctx, "narrow")
		if err != nil || slots.Used < 1 || slots.Used > most {
			t.Errorf("slots are %+v, %v", slots, err)
		}
		return workflow.ActionResult{}, nil
	}})
	b.publish(t, limited(most))
	ctx := t.Context()
	var mu sync.Mutex
	var ids []string
	var wg sync.WaitGroup
	for n := range 20 { // 20 people start 25 each
		wg.Go(func() {
			for range all / 20 {
				i, err := b.Start(ctx, ops.StartRequest{Template: "narrow"}, ops.Actor{ID: fmt.Sprintf("p-%d", n)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, i.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	places := map[string]int64{}
	for _, id := range ids {
		i := b.instance(t, id)
		places[id] = i.Place
		if i.WaitingFor == nil || (i.Place == 0) != (i.WaitingFor.Kind == "start") || (i.Place != 0) != (i.WaitingFor.Kind == "slot") {
			t.Fatalf("%s has place %d and waits for %+v", id, i.Place, i.WaitingFor)
		}
	}
	taken := map[string]bool{}
	var order []string
	running := 0
	for range 3 * most { // Step Functions' invocations, side by side
		wg.Go(func() {
			for {
				mu.Lock()
				name := b.machine.take(taken)
				if name == "" {
					done := len(order) == all || running == 0
					mu.Unlock()
					if done {
						return
					}
					continue
				}
				running++
				id, attempt, _ := ops.ParseExecutionName(name)
				order = append(order, id)
				mu.Unlock()
				if _, err := b.RunSteps(ctx, workflow.Drive{InstanceID: id, Attempt: attempt}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				running--
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if i := b.instance(t, id); i.Status != ops.InstanceCompleted || i.Slot {
			t.Errorf("%s is %s", id, i.Status)
		}
	}
	slots, err := b.store.Slots(ctx, "narrow")
	if err != nil || slots.Used != 0 || slots.Given != all-most || slots.Served != slots.Given {
		t.Errorf("slots are %+v, %v", slots, err)
	}
	if len(order) != all {
		t.Fatalf("%d began", len(order))
	}
	// Nobody overtakes: whoever begins as nth has one of the places up to n.
	for n, id := range order {
		if p := places[id]; p > int64(n+1) {
			t.Errorf("place %d began as number %d", p, n+1)
		}
	}
}

func TestACrashAtAnyPointLeavesTheSlotsExact(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		for at := range 12 {
			b := setup(t, map[string]workflow.Action{
				"work": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
					return workflow.ActionResult{}, nil
				},
			})
			b.publish(t, limited(1))
			b.saver.arm(at, applied)
			var ids []string
			for n := range 3 {
				r := ops.StartRequest{Template: "narrow", ID: fmt.Sprintf("wf-%d", n)}
				_, err := b.Start(t.Context(), r, ops.Actor{ID: "p"})
				if errors.Is(err, errCrash) {
					b.saver.repair()
					_, err = b.Start(t.Context(), r, ops.Actor{ID: "p"})
				}
				if err != nil && ops.AsConflict(err) == nil { // it was stored before the crash
					t.Fatal(err)
				}
				ids = append(ids, r.ID)
			}
			for range 6 {
				b.machine.run(t.Context())
				running := 0
				for _, id := range ids {
					i := b.instance(t, id)
					if i.Slot {
						running++
					}
				}
				if slots, err := b.store.Slots(t.Context(), "narrow"); err != nil || slots.Used != running || running > 1 {
					t.Errorf("crash at %d, applied %v: %+v are counted, %d have one, %v", at, applied, slots, running, err)
				}
				b.saver.repair()
				b.machine.advance(t.Context(), 3*time.Minute)
				for _, id := range ids {
					b.due(t, id)
				}
			}
			for _, id := range ids {
				if i := b.instance(t, id); i.Status != ops.InstanceCompleted {
					t.Errorf("crash at %d, applied %v: %s is %s, waiting for %+v", at, applied, id, i.Status, i.WaitingFor)
				}
			}
		}
	}
}

func TestARulesInstanceTakesASlotWhenItIsLaunched(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{
		"work": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
			return workflow.ActionResult{}, nil
		},
	})
	b.publish(t, limited(1))
	var planned []*ops.Instance
	for range 2 {
		i, err := b.Plan(t.Context(), ops.StartRequest{Template: "narrow", Context: map[string]json.RawMessage{}})
		if err != nil {
			t.Fatal(err)
		}
		planned = append(planned, i)
	}
	if err := b.store.Save(t.Context(), planned[0], planned[1]); err != nil { // one transaction, with the event's decisions
		t.Fatal(err)
	}
	if err := b.Launch(t.Context(), planned[0]); err != nil {
		t.Fatal(err)
	}
	// And there the function crashed: the timer launches the second.
	b.machine.advance(t.Context(), 2*time.Minute)
	if err := b.HandleDue(t.Context(), planned[1].Ref()); err != nil {
		t.Fatal(err)
	}
	if i := b.instance(t, planned[1].ID); i.Place != 1 || i.WaitingFor.Kind != "slot" || i.WaitingFor.Ref != "1" {
		t.Errorf("the second has place %d and waits for %+v", i.Place, i.WaitingFor)
	}
	b.machine.run(t.Context())
	got := []ops.InstanceStatus{b.instance(t, planned[0].ID).Status, b.instance(t, planned[1].ID).Status}
	if !slices.Equal(got, []ops.InstanceStatus{ops.InstanceCompleted, ops.InstanceCompleted}) {
		t.Errorf("they are %v", got)
	}
}

func TestTheQueueForASlotIsServedInOrderAndCancelledOnesArePassedOver(t *testing.T) {
	t.Parallel()
	var begun []string
	b := setup(t, map[string]workflow.Action{"work": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
		begun = append(begun, in.Instance.ID)
		return workflow.ActionResult{}, nil
	}})
	b.publish(t, limited(1))
	var want []string
	for n := range 6 {
		i, err := b.Start(t.Context(), ops.StartRequest{Template: "narrow", ID: fmt.Sprintf("wf-%d", n)}, ops.Actor{ID: "p"})
		if err != nil {
			t.Fatal(err)
		}
		if n == 1 || n == 5 {
			if _, err := b.Cancel(t.Context(), i.ID, admin, "not needed"); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want = append(want, i.ID)
	}
	b.machine.run(t.Context())
	if !slices.Equal(begun, want) {
		t.Errorf("began %v, want %v", begun, want)
	}
	if slots, err := b.store.Slots(t.Context(), "narrow"); err != nil || slots.Used != 0 {
		t.Errorf("slots are %+v, %v", slots, err)
	}
}
