package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"opsflow/shared/ops"
)

func membersAreReadWhole(t *testing.T, open Open) {
	b := setup(t, open)
	b.save(t, &ops.Member{ID: "zoe", Name: "Zoe", Teams: []ops.Team{ops.Finance}, Active: true}, &ops.Member{ID: "ann", Name: "Ann"})
	all, err := b.Members(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != "ann" || !all[1].Takes(ops.Finance) {
		t.Errorf("%+v, %v", all, err)
	}
	one, err := b.Member(t.Context(), "zoe")
	if err != nil || one.V != 1 || one.Name != "Zoe" {
		t.Errorf("%+v, %v", one, err)
	}
}

// openWorkFollowsTheTasks whatever is written: given, taken over, given back, over, several in one transaction.
func openWorkFollowsTheTasks(t *testing.T, open Open) {
	b := setup(t, open)
	tasks := make([]*ops.Task, 4)
	for i := range tasks {
		tasks[i] = &ops.Task{ID: fmt.Sprintf("tsk-%d", i), InstanceID: "wf-1", Team: ops.Finance, Status: ops.TaskOpen}
	}
	want := func(ann, ben int64) {
		t.Helper()
		got, err := b.OpenWork(t.Context(), []string{"ann", "ben", "nobody"})
		if err != nil || got["ann"] != ann || got["ben"] != ben || got["nobody"] != 0 {
			t.Fatalf("open work %v, %v, want ann %d and ben %d", got, err, ann, ben)
		}
	}
	save := func(records ...ops.Record) {
		t.Helper()
		if err := b.Save(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
	}
	tasks[0].Assignee, tasks[1].Assignee, tasks[2].Assignee = "ann", "ann", "ben"
	save(tasks[0], tasks[1], tasks[2], tasks[3])
	want(2, 1)
	tasks[0].Assignee, tasks[2].Assignee = "ben", "ann" // they swap
	save(tasks[0], tasks[2])
	want(2, 1)
	tasks[3].Assignee, tasks[3].Status = "ben", ops.TaskClaimed
	save(tasks[3])
	want(2, 2)
	tasks[1].Assignee = ""
	tasks[2].Status = ops.TaskCompleted // who did it stays on it
	save(tasks[1], tasks[2])
	want(0, 2)
	save(tasks[2])
	want(0, 2)

	stale := *tasks[0]
	stale.V--
	stale.Assignee = "ann"
	if err := b.Save(t.Context(), &stale); ops.AsConflict(err) == nil || stale.Counted != "ben" {
		t.Fatalf("a stale task: %v, counted for %q", err, stale.Counted)
	}
	want(0, 2)
}

// aFullMemberGetsNoMoreWork: of fifty that saw the same empty desk one gives the task to it.
func aFullMemberGetsNoMoreWork(t *testing.T, open Open) {
	b := setup(t, open)
	var given, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			task := &ops.Task{
				ID: fmt.Sprintf("tsk-%d", i), InstanceID: "wf-1", Team: ops.Finance, Status: ops.TaskOpen, Assignee: "ann", MaxOpen: 1,
			}
			err := b.Save(t.Context(), task)
			counter := ops.Ref{Kind: ops.KindCounter, ID: ops.OpenWorkID("ann")}
			switch c := ops.AsConflict(err); {
			case err == nil:
				given.Add(1)
			case c != nil && c.Has(counter) && !c.Has(task.Ref()):
				refused.Add(1)
			case ops.ErrorCode(err) == ops.CodeThrottled: // 50 transactions on one item are more than a driver waits for
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if given.Load() != 1 {
		t.Errorf("given %d times, refused %d times", given.Load(), refused.Load())
	}
}
