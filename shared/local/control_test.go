package local_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"opsflow/shared/local/clock"
	"opsflow/shared/table"
)

// breaking is a table where one write fails: it is not applied, or it is and the answer is lost together with whoever asked.
type breaking struct {
	table.Table

	mu      sync.Mutex
	left    int // writes until then; negative: none fails
	applied bool
	broke   bool
}

func (b *breaking) Write(ctx context.Context, w table.Write) error {
	b.mu.Lock()
	breaks := b.left == 0
	b.left--
	b.broke = b.broke || breaks
	b.mu.Unlock()
	if !breaks {
		return b.Table.Write(ctx, w)
	}
	if b.applied {
		if err := b.Table.Write(ctx, w); err != nil {
			return err
		}
	}
	return errors.New("the writer died")
}

// TestControlSurvivesADeathAtEachWrite pauses, resumes, retries and ends a payment's workflow on a running system, whose nth
// write from the pause on dies with whoever wrote.
func TestControlSurvivesADeathAtEachWrite(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", applied), func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				if !controlled(t, at, applied) {
					if at < 10 {
						t.Errorf("the story has only %d writes", at)
					}
					return
				}
			}
		})
	}
}

// controlled tells the story with a death at one write, and reports whether there was that write.
func controlled(t *testing.T, at int, applied bool) bool {
	t.Helper()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	rt := start(t, o)
	died := &breaking{left: -1, applied: applied}
	rt.WrapTable(func(t table.Table) table.Table { died.Table = t; return died })
	s := newSystem(t, rt)
	s.put("payment_received", payment("pay-1"))
	id := s.awaitsApproval("pay-1").ID
	read := func() (i instance) {
		s.get("/v1/workflows/"+id, &i)
		return i
	}
	// until asks as a person does: again when there was no good answer, until it stands as it should.
	until := func(status string, path func() string, body any) {
		t.Helper()
		for range 4 {
			res := s.request(http.MethodPost, path(), s.tokenFor("root", "admin"), body)
			if res.status != http.StatusOK && res.status != http.StatusInternalServerError && res.status != http.StatusConflict {
				t.Errorf("at %d, applied %v: %s gave %d %s", at, applied, path(), res.status, res.body)
			}
			s.advance("10m")
			if read().Status == status {
				return
			}
		}
		t.Fatalf("at %d, applied %v: after %s it stays %s, not %s", at, applied, path(), read().Status, status)
	}
	move := func(what string) func() string { return func() string { return "/v1/workflows/" + id + "/" + what } }
	task := func(what string) func() string {
		ref := read().WaitingFor.Ref
		return func() string { return "/v1/tasks/" + ref + "/" + what }
	}
	died.mu.Lock()
	died.left = at
	died.mu.Unlock()
	until("paused", move("pause"), map[string]string{"reason": "audit"})
	until("waiting_approval", move("resume"), nil)
	until("failed", task("reject"), map[string]string{"comment": "no"})
	until("waiting_approval", move("retry"), map[string]any{"reason": "yes after all"})
	until("completed", task("complete"), map[string]string{"outcome": "approved"})
	s.advance("1h")

	i := read()
	for _, step := range i.Steps {
		if step.Status != "completed" {
			t.Errorf("at %d, applied %v: step %s is %s", at, applied, step.ID, step.Status)
		}
	}
	var alerts struct {
		Items []struct {
			Type       string `json:"type"`
			Status     string `json:"status"`
			Resolution string `json:"resolution"`
			Count      int    `json:"count"`
		} `json:"items"`
	}
	s.get("/v1/alerts", &alerts)
	if got := fmt.Sprint(alerts.Items); got != "[{workflow_failed resolved completed on attempt 3 1}]" {
		t.Errorf("at %d, applied %v: alerts %s", at, applied, got)
	}
	for status, n := range s.statuses("payment_processing") {
		if status == sfntypes.ExecutionStatusRunning {
			t.Errorf("at %d, applied %v: %d executions still run", at, applied, n)
		}
	}
	if err := rt.Close(); err != nil {
		t.Error(err)
	}
	return died.broke
}

// statuses counts the executions of a template's machine by how they stand.
func (s *system) statuses(template string) map[sfntypes.ExecutionStatus]int {
	s.t.Helper()
	list, err := sfn.NewFromConfig(s.config()).ListExecutions(s.t.Context(), &sfn.ListExecutionsInput{
		StateMachineArn: aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-" + template + "-v1"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	counts := map[sfntypes.ExecutionStatus]int{}
	for _, x := range list.Executions {
		counts[x.Status]++
	}
	return counts
}
