package workflow_test

import (
	"encoding/json"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

func reviewed() *ops.Vendor {
	return &ops.Vendor{
		ID: "v-1", Name: "Blue Pipe", Active: true, Categories: []string{"plumbing"}, Areas: []string{"Marina"}, Rating: 4.7, Ratings: 90,
	}
}

func TestTheReportHoldsTheRecordAndWhatWasDecided(t *testing.T) {
	t.Parallel()
	for _, approve := range []bool{true, false} {
		b := setup(t, nil)
		b.save(t, reviewed(), &ops.Tally{VendorID: "v-1", Months: map[string]map[ops.MetricType]ops.Sums{start.Format("2006-01"): {
			ops.QualityScore: {N: 10, W: 10, S: 10 * 6000}, ops.Punctuality: {N: 4, W: 4, S: 4 * 10000},
		}}})
		ref := ops.SubjectRef{Type: "vendor", ID: "v-1"}
		i := b.start(t, "performance_review", ref, `{}`)
		if got := b.openTask(t, i.ID); got.Team != ops.QualityAssurance || got.Title != "Review the vendor's performance: Blue Pipe, rated 4.7 of 5 by 90, quality score 65 % (10), punctuality: too little data (4)" {
			t.Errorf("the task is %q of %s", got.Title, got.Team)
		}
		b.complete(t, i.ID, "done", `{"score": 55, "findings": "Late.", "measures": ["a training"]}`)
		decision, measures := "approved", `["a training"]`
		if got := b.openTask(t, i.ID); got.Team != ops.VendorManagement || got.Title != "Approve the measures: a training" {
			t.Errorf("the task is %q of %s", got.Title, got.Team)
		}
		if approve {
			b.complete(t, i.ID, "approved", "")
		} else {
			decision, measures = "rejected", ""
			if _, err := b.tasks.Reject(t.Context(), b.openTask(t, i.ID).ID, member(ops.VendorManagement), "too hard"); err != nil {
				t.Fatal(err)
			}
			b.machine.run(t.Context())
		}
		if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
			t.Fatalf("it ends %s (%v)", i.Status, i.Error)
		}
		var out struct {
			Report struct {
				Title, Level, Findings string
				Score                  float64
				Decision               string `json:"measures_decision"`
				Record                 struct {
					Metrics []struct {
						Percent float64
						Level   ops.Level
					}
				}
			}
		}
		if err := json.Unmarshal(i.Step("report").Output, &out); err != nil {
			t.Fatal(err)
		}
		r := out.Report
		if r.Title != "Performance review of Blue Pipe" || r.Level != "poor" || r.Score != 55 || r.Findings != "Late." ||
			r.Decision != decision || len(r.Record.Metrics) != 2 || r.Record.Metrics[0].Percent != 65.22 || r.Record.Metrics[0].Level != ops.BelowAverage ||
			r.Record.Metrics[1].Level != ops.Insufficient {
			t.Errorf("the report is %s", i.Step("report").Output)
		}
		if got := b.field(t, ref, "measures"); got != measures {
			t.Errorf("approved %v: the vendor's measures are %s", approve, got)
		}
	}
}

func TestALowScoreNeedsMeasures(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.save(t, reviewed())
	i := b.start(t, "performance_review", ops.SubjectRef{Type: "vendor", ID: "v-1"}, `{}`)
	_, err := b.tasks.Complete(t.Context(), b.openTask(t, i.ID).ID, member(ops.QualityAssurance),
		task.Decision{Outcome: "done", Form: json.RawMessage(`{"score": 69, "findings": "Late."}`)})
	if ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("a low score without measures: %v", err)
	}
}

func TestAVendorThatDoesNotExistIsNotReviewed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.start(t, "performance_review", ops.SubjectRef{Type: "vendor", ID: "v-404"}, `{}`)
	if i.Status != ops.InstanceFailed || i.Error.Step != "record" {
		t.Errorf("it is %s (%v)", i.Status, i.Error)
	}
}
