package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

// update writes the golden files again: go test ./shared/cmd/opsflow -update.
var update = flag.Bool("update", false, "write the golden files again")

func TestTheTourEndsTheSameEachTime(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "demo.json")
	if *update {
		if err := os.WriteFile(golden, []byte(setup(t).must("demo", "--json")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for name, on := range map[string]*clock.Clock{
		"the machine's clock":              clock.Real(),
		"a clock that stands, on Tuesday":  clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)),
		"a clock that stands, at midnight": clock.Virtual(time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setupOn(t, on)
			if first := o.must("demo", "--json"); first != string(want) {
				t.Errorf("the tour ends with\n%s\nwant\n%s\n(if that is right: go test ./shared/cmd/opsflow -update)", first, want)
			}
			if again := o.must("demo", "--json"); again != string(want) {
				t.Errorf("a second tour on the same system ends with\n%s\nwant\n%s", again, want)
			}
			o.everyWorkflowIsAccountedFor()
		})
	}
}

// everyWorkflowIsAccountedFor checks that each is completed, waits for an open task, or failed with an alert.
func (o *operator) everyWorkflowIsAccountedFor() {
	o.t.Helper()
	type record struct {
		ID         string `json:"id"`
		Status     string `json:"status"`
		WaitingFor struct {
			Kind string `json:"kind"`
			Ref  string `json:"ref"`
		} `json:"waiting_for"`
		InstanceID string `json:"instance"`
	}
	all := func(args ...string) []record {
		var items []record
		for cursor := ""; ; {
			var p page[record]
			o.read(&p, append(args, "--limit", "100", "--cursor", cursor)...)
			if items = append(items, p.Items...); p.NextCursor == nil {
				return items
			}
			cursor = *p.NextCursor
		}
	}
	open, alerted := map[string]bool{}, map[string]bool{}
	for _, task := range all("tasks", "list") {
		open[task.ID] = task.Status == "open" || task.Status == "claimed"
	}
	for _, alert := range all("alerts", "list") {
		alerted[alert.InstanceID] = true
	}
	workflows := all("workflows", "list")
	if len(workflows) == 0 {
		o.t.Error("the tour started nothing")
	}
	for _, w := range workflows {
		switch {
		case w.Status == "completed",
			w.Status == "failed" && alerted[w.ID],
			w.WaitingFor.Kind == "task" && open[w.WaitingFor.Ref]:
		default:
			o.t.Errorf("workflow %+v is not completed, waits on no open task, and did not fail with an alert", w)
		}
	}
}
