package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func TestAPeriodIsReplayedAndNothingIsDoneTwice(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, id := range []string{"bk-1", "bk-2"} {
		o.must("events", "put", "service_completed", `{"booking_id":"`+id+`","vendor_id":"v-1","service_value":500}`)
	}
	o.idle()
	var before, after page[ops.Instance]
	o.read(&before, "workflows", "list")
	var would, done bulkView
	if o.read(&would, "events", "replay", "--from", "2020-01-01T00:00:00Z", "--preview"); would.Total != 2 || would.Items[0].Note != "" {
		t.Errorf("the preview says %+v", would)
	}
	if o.read(&done, "events", "replay", "--from", "2020-01-01T00:00:00Z"); done.Counts.Done != 2 {
		t.Errorf("replayed %+v, want 2", done)
	}
	o.idle()
	if o.read(&after, "workflows", "list"); len(after.Items) != len(before.Items) || len(before.Items) == 0 {
		t.Errorf("%d workflows before, %d after", len(before.Items), len(after.Items))
	}
	if o.read(&done, "events", "replay", "--from", "2020-01-01T00:00:00Z", "--to", "2020-02-01T00:00:00Z"); done.Total != 0 {
		t.Errorf("%d events were replayed of a period without any", done.Total)
	}
	for _, args := range [][]string{{"events", "replay"}, {"events", "replay", "evt-1", "--from", "2020-01-01T00:00:00Z"}} {
		if r := o.run(args...); r.code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", strings.Join(args, " "), r.code, exitUsage)
		}
	}

	var sum rule.Backtest
	set := file(t, `["quality-check", {"name": "all", "event": "service_completed", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}]`)
	if o.read(&sum, "rules", "backtest", set); len(sum.Rules) != 2 || sum.Matched != 4 {
		t.Errorf("the set: %+v", sum)
	}
	lines := filepath.Join(t.TempDir(), "lines")
	o.must("rules", "backtest", set, "--events", lines)
	if text, err := os.ReadFile(lines); err != nil || strings.Count(string(text), "\n") != 4 { //nolint:gosec // our own file
		t.Errorf("event by event: %s, %v", text, err)
	}
}
