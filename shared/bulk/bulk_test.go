package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/bulk"
	"opsflow/shared/ops"
)

var resolution = json.RawMessage(`{"resolution":"restarted"}`)

func TestEveryItemHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.alerts(3)
	resolved := b.alert(ids[1])
	resolved.Status = ops.AlertResolved
	if err := b.store.Save(t.Context(), resolved); err != nil {
		t.Fatal(err)
	}
	o := b.begin(bulk.Request{Action: ops.BulkResolveAlerts, IDs: append(ids, "alr-none", ids[0]), Params: resolution})
	if o.Total != 4 || o.Status != ops.BulkRunning || o.Counts.Pending != 4 {
		t.Errorf("begun as %+v", o)
	}
	if got, want := strings.Join(b.runs.inputs, ""), `{"bulk":"`+o.ID+`","chunks":[0]}`; got != want {
		t.Errorf("the execution's input is %s, want %s", got, want)
	}
	b.process(o, 0)
	o, items := b.operation(o)
	if o.Status != ops.BulkCompleted || o.Counts != (ops.BulkCounts{Done: 2, Refused: 2}) || !o.EndedAt.Equal(start) || !o.WakeAt().IsZero() {
		t.Errorf("ended as %+v", o)
	}
	for i, want := range []ops.BulkItem{
		{ID: ids[0], Outcome: ops.BulkDone},
		{ID: ids[1], Outcome: ops.BulkRefused, Code: ops.CodeIllegalMove, Reason: "alert alr-001 is resolved"},
		{ID: ids[2], Outcome: ops.BulkDone},
		{ID: "alr-none", Outcome: ops.BulkRefused, Code: ops.CodeNotFound, Reason: "there is no alert alr-none"},
	} {
		if items[i] != want {
			t.Errorf("item %d is %+v, want %+v", i, items[i], want)
		}
	}
	if a := b.alert(ids[2]); a.ResolvedBy != "oscar" || a.Resolution != "restarted" {
		t.Errorf("the resolved alert is %+v", a)
	}
}

func TestChunkDeliveredTwiceDoesNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.begin(bulk.Request{Action: ops.BulkAcknowledgeAlerts, IDs: b.alerts(60)})
	b.process(o, 0)
	b.process(o, 0)
	after, items := b.operation(o)
	if after.Counts != (ops.BulkCounts{Done: 60}) || len(items) != 60 {
		t.Errorf("counted %+v", after.Counts)
	}
	for _, item := range items {
		if n := b.acts(item.ID); n != 1 {
			t.Errorf("%s was acknowledged %d times", item.ID, n)
		}
	}
}

func TestChunkDeliveredManyTimesAtOnceIsCountedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.begin(bulk.Request{Action: ops.BulkResolveAlerts, IDs: b.alerts(60), Params: resolution})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := b.Process(t.Context(), bulk.Work{Bulk: o.ID}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, items := b.operation(o)
	if after.Counts != (ops.BulkCounts{Done: 60}) || after.Status != ops.BulkCompleted {
		t.Errorf("counted %+v", after.Counts)
	}
	for _, item := range items {
		if n := b.acts(item.ID); n != 1 || item.Outcome != ops.BulkDone {
			t.Errorf("%+v was resolved %d times", item, n)
		}
	}
}

// The invocation dies after an item was done and before its outcome was written: at each of the items in turn.
func TestWhatWasDoneBeforeACrashIsRecognised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.alerts(40)
	o := b.begin(bulk.Request{Action: ops.BulkAcknowledgeAlerts, IDs: ids})
	for _, last := range ids {
		ctx, die := context.WithCancel(t.Context())
		b.desk.after = func(id string) {
			if id == last {
				die()
			}
		}
		if err := b.Process(ctx, bulk.Work{Bulk: o.ID}); !errors.Is(err, context.Canceled) {
			t.Fatalf("died at %s with %v", last, err)
		}
		die()
	}
	b.desk.after = nil
	b.process(o, 0)
	after, _ := b.operation(o)
	if after.Counts != (ops.BulkCounts{Done: 40}) {
		t.Errorf("counted %+v, want all done", after.Counts)
	}
	for _, id := range ids {
		if n := b.acts(id); n != 1 {
			t.Errorf("%s was acknowledged %d times", id, n)
		}
	}
}

func TestDefectOrPanicIsThatItemsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.alerts(4)
	tries := 0
	b.desk.before = func(id string) error {
		switch id {
		case ids[0]:
			panic("at the desk")
		case ids[1]:
			return ops.Errorf(ops.CodeUnavailable, "the desk is closed")
		case ids[2]:
			if tries++; tries == 1 {
				return ops.Errorf(ops.CodeThrottled, "one at a time")
			}
		}
		return nil
	}
	o := b.begin(bulk.Request{Action: ops.BulkResolveAlerts, IDs: ids, Params: resolution})
	b.process(o, 0)
	_, items := b.operation(o)
	for i, want := range []struct {
		outcome ops.BulkOutcome
		code    ops.Code
	}{{ops.BulkFailed, ops.CodeInternal}, {ops.BulkFailed, ops.CodeUnavailable}, {ops.BulkDone, ""}, {ops.BulkDone, ""}} {
		if items[i].Outcome != want.outcome || items[i].Code != want.code || strings.Contains(items[i].Reason, "at the desk") {
			t.Errorf("item %d is %+v, want %+v", i, items[i], want)
		}
	}
}

func TestPreviewChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.alerts(3)
	resolved := b.alert(ids[1])
	resolved.Status = ops.AlertResolved
	if err := b.store.Save(t.Context(), resolved); err != nil {
		t.Fatal(err)
	}
	p, err := b.Preview(t.Context(), bulk.Request{Action: ops.BulkResolveAlerts, IDs: ids, Params: resolution}, oscar)
	if err != nil {
		t.Fatal(err)
	}
	if p.Counts != (ops.BulkCounts{Done: 2, Refused: 1}) || p.Items[1].Code != ops.CodeIllegalMove || p.Items[2].ID != ids[2] {
		t.Errorf("preview %+v", p)
	}
	for i, id := range ids {
		if a := b.alert(id); a.Status != []ops.AlertStatus{ops.AlertOpen, ops.AlertResolved, ops.AlertOpen}[i] || b.acts(id) != 0 {
			t.Errorf("after the preview %s is %+v", id, a)
		}
	}
	list, err := b.store.Bulks(t.Context(), ops.PageRequest{})
	if err != nil || len(list.Items) != 0 || len(b.runs.started) != 0 {
		t.Errorf("the preview left %v, %v, and started %v", list.Items, err, b.runs.started)
	}
}

func TestSelectionIsFrozenWhenItIsMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.alerts(2)
	filter := &bulk.Filter{Status: "open", Severity: "low"}
	o := b.begin(bulk.Request{Action: ops.BulkAcknowledgeAlerts, Filter: filter})
	late := &ops.Alert{ID: "alr-late", Type: ops.AlertSystemError, Severity: ops.SeverityLow, Status: ops.AlertOpen, Title: "t", Count: 1}
	if err := b.store.Save(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	b.process(o, 0)
	if after, items := b.operation(o); len(items) != 2 || after.Counts.Done != 2 || b.acts("alr-late") != 0 {
		t.Errorf("the operation did %+v", items)
	}
	none := b.begin(bulk.Request{Action: ops.BulkAcknowledgeAlerts, Filter: &bulk.Filter{Severity: "critical"}})
	if none.Status != ops.BulkCompleted || none.Total != 0 || len(b.runs.started) != 1 {
		t.Errorf("an operation of nothing: %+v, started %v", none, b.runs.started)
	}
}

func TestManyItemsAreWorkedThroughInChunks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.alerts(300)
	o := b.begin(bulk.Request{Action: ops.BulkAcknowledgeAlerts, IDs: ids})
	if !strings.HasSuffix(b.runs.inputs[0], `"chunks":[0,1,2]}`) {
		t.Errorf("the execution's input is %s", b.runs.inputs[0])
	}
	b.process(o, 2)
	b.process(o, 0)
	if after, _ := b.operation(o); after.Status != ops.BulkRunning || after.Counts != (ops.BulkCounts{Done: 175, Pending: 125}) {
		t.Errorf("after two of three chunks: %+v", after)
	}
	pending, next, err := b.Items(t.Context(), o, ops.BulkPending, 0, 100)
	if err != nil || len(pending) != 100 || pending[0].ID != ids[125] || next != 225 {
		t.Errorf("pending: %d from %v, next %d, %v", len(pending), pending[:1], next, err)
	}
	rest, next, err := b.Items(t.Context(), o, ops.BulkPending, next, 100)
	if err != nil || len(rest) != 25 || next != 300 {
		t.Errorf("the rest of pending: %d, next %d, %v", len(rest), next, err)
	}
	b.process(o, 1)
	if after, _ := b.operation(o); after.Status != ops.BulkCompleted || after.Counts.Done != 300 {
		t.Errorf("after all chunks: %+v", after)
	}
}

func TestLargestSelectionIsStoredAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := make([]string, ops.MaxBulkItems+1)
	for i := range ids {
		ids[i] = fmt.Sprintf("alr-%0120d", i)
	}
	r := bulk.Request{Action: ops.BulkAcknowledgeAlerts, IDs: ids[:ops.MaxBulkItems]}
	if o := b.begin(r); o.Parts() != 80 {
		t.Errorf("%d chunks", o.Parts())
	}
	r.IDs = ids
	if _, err := b.Begin(t.Context(), r, oscar); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("one more: %v", err)
	}
}

func TestBadRequestNamesItsFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []string{"alr-1"}
	for path, r := range map[string]bulk.Request{
		"$.action":            {Action: "alert.explode", IDs: ids},
		"$":                   {Action: ops.BulkCloseAlerts},
		"$.ids[1]":            {Action: ops.BulkCloseAlerts, IDs: []string{"a", "not an id"}},
		"$.filter":            {Action: ops.BulkCloseAlerts, Filter: &bulk.Filter{}},
		"$.filter.status":     {Action: ops.BulkCloseAlerts, Filter: &bulk.Filter{Status: "opened"}},
		"$.filter.team":       {Action: ops.BulkCloseAlerts, Filter: &bulk.Filter{Team: "Finance"}},
		"$.filter.severity":   {Action: ops.BulkClaimTasks, Filter: &bulk.Filter{Severity: "high"}},
		"$.filter.to":         {Action: ops.BulkClaimTasks, Filter: &bulk.Filter{Status: "open", To: start}},
		"$.filter.from":       {Action: ops.BulkReplayEvents, Filter: &bulk.Filter{From: start, To: start}},
		"$.filter.template":   {Action: ops.BulkReplayEvents, Filter: &bulk.Filter{From: start, Template: "x"}},
		"$.params.resolution": {Action: ops.BulkResolveAlerts, IDs: ids, Params: json.RawMessage(`{"resolution":7}`)},
		"$.params.why":        {Action: ops.BulkResolveAlerts, IDs: ids, Params: json.RawMessage(`{"why":"x"}`)},
		"$.params":            {Action: ops.BulkCloseAlerts, IDs: ids, Params: json.RawMessage(`[]`)},
	} {
		_, begun := b.Begin(t.Context(), r, oscar)
		_, previewed := b.Preview(t.Context(), r, oscar)
		for _, err := range []error{begun, previewed} {
			e, ok := errors.AsType[*ops.Error](err)
			if !ok || e.Code != ops.CodeInvalid || len(e.Faults) != 1 || e.Faults[0].Path != path {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestOperationWhoseExecutionBrokeOffIsDrivenAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.runs.fail = errors.New("Step Functions is away")
	o := b.begin(bulk.Request{Action: ops.BulkAcknowledgeAlerts, IDs: b.alerts(2)})
	b.runs.fail = nil
	due := func(d time.Duration) {
		t.Helper()
		if err := b.clock.Advance(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if err := b.HandleDue(t.Context(), o.Ref()); err != nil {
			t.Fatal(err)
		}
	}
	due(30 * time.Second)
	if len(b.runs.started) != 0 {
		t.Fatalf("started %v before it was due", b.runs.started)
	}
	due(31 * time.Second)
	due(0)
	due(6 * time.Minute) // it runs: nothing to do
	if got := fmt.Sprint(b.runs.started); got != "["+o.ID+"-1]" {
		t.Fatalf("started %s", got)
	}
	for attempt := 2; attempt <= 5; attempt++ {
		b.runs.status[b.runs.started[len(b.runs.started)-1]] = ops.ExecutionFailed
		due(6 * time.Minute)
		if last := b.runs.started[len(b.runs.started)-1]; last != fmt.Sprint(o.ID, "-", attempt) {
			t.Fatalf("attempt %d is %s", attempt, last)
		}
	}
	b.runs.status[b.runs.started[4]] = ops.ExecutionFailed
	due(6 * time.Minute)
	after, items := b.operation(o)
	if len(b.runs.started) != 5 || after.Status != ops.BulkCompleted || after.Counts != (ops.BulkCounts{Failed: 2}) || items[0].Reason == "" {
		t.Errorf("given up as %+v with %+v", after, items)
	}
}
