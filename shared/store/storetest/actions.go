package storetest

import (
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func aRulesActionsAreListedWhileTheyWaitOrHaveFailed(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	delay := ops.Duration{D: time.Hour}
	for i := range 12 {
		a := &ops.PendingAction{
			ID: fmt.Sprintf("act-%02d", i), RuleID: "watch", Action: ops.Action{Delay: delay}, Detail: raw(`{"a": 1}`), Status: ops.ActionWaiting,
		}
		a.CreatedAt = start.Add(time.Duration(i) * time.Second)
		b.save(t, a)
		switch i {
		case 3:
			a.Status = ops.ActionDone
		case 5, 7:
			a.Status = ops.ActionFailed
		default:
			continue
		}
		b.save(t, a)
	}
	b.save(t,
		&ops.PendingAction{ID: "act-now", RuleID: "watch", Detail: raw(`{}`), Status: ops.ActionWaiting},
		&ops.PendingAction{ID: "act-else", RuleID: "other", Action: ops.Action{Delay: delay}, Detail: raw(`{}`), Status: ops.ActionWaiting},
	)
	for status, want := range map[ops.ActionStatus][]string{
		ops.ActionWaiting: {"act-00", "act-01", "act-02", "act-04", "act-06", "act-08", "act-09", "act-10", "act-11"},
		ops.ActionFailed:  {"act-05", "act-07"},
		ops.ActionDone:    {},
	} {
		got := []string{}
		f := ops.ActionFilter{RuleID: "watch", Status: status, PageRequest: ops.PageRequest{Limit: 4}}
		for more := true; more; more = f.Cursor != "" {
			page, err := b.Actions(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Items {
				if string(a.Detail) == "" {
					t.Errorf("%s is not whole", a.ID)
				}
				got = append(got, a.ID)
			}
			f.Cursor = page.NextCursor
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", status, got, want)
		}
	}
	some, err := b.PendingActions(ctx, []string{"act-01", "act-none", "act-now"})
	if err != nil || len(some) != 2 {
		t.Errorf("got %d actions, %v", len(some), err)
	}
	if none, err := b.PendingActions(ctx, nil); err != nil || len(none) != 0 {
		t.Errorf("got %d actions, %v", len(none), err)
	}
}
