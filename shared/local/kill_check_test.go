package local_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"opsflow/shared/ops"
)

// execution describes an execution that was accepted.
func (l *killLoad) execution(s *system, name string) *sfn.DescribeExecutionOutput {
	s.t.Helper()
	l.mu.Lock()
	arn := l.accepted[name]
	l.mu.Unlock()
	out, err := sfn.NewFromConfig(s.config()).DescribeExecution(s.t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil {
		s.t.Fatalf("the accepted execution %s: %v", name, err)
	}
	return out
}

// running names executions that run; when there are many, some of them.
func (l *killLoad) running(s *system) (names []string) {
	s.t.Helper()
	list, err := sfn.NewFromConfig(s.config()).ListExecutions(s.t.Context(), &sfn.ListExecutionsInput{
		StateMachineArn: &l.machine, StatusFilter: sfntypes.ExecutionStatusRunning,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, x := range list.Executions {
		names = append(names, *x.Name)
	}
	return names
}

// killOutput is what every execution ends with.
const killOutput = `{"items":[1,2,3],"fork":[{"items":[1,2,3]},"worked","answered"],"each":[1,1,1]}`

// check holds what is left against what was accepted.
func (l *killLoad) check(t *testing.T, s *system) {
	t.Helper()
	for _, name := range l.names() {
		x := l.execution(s, name)
		if x.Status != sfntypes.ExecutionStatusSucceeded || aws.ToString(x.Output) != killOutput {
			t.Errorf("%s: %s %s %s %s", name, x.Status, aws.ToString(x.Output), aws.ToString(x.Error), aws.ToString(x.Cause))
			continue
		}
		l.checkHistory(t, s, name, *x.ExecutionArn)
		l.checkPayment(t, s, name)
	}
	for id := range l.decided {
		var trail struct{ Items []ops.AuditEntry }
		s.get("/v1/audit?target=task/"+id, &trail)
		if len(trail.Items) != 1 || trail.Items[0].Action != "task.complete" {
			t.Errorf("the decision of task %s is written down as %+v", id, trail.Items)
		}
	}
	if lost := s.undelivered(""); len(lost) > 0 {
		t.Errorf("undelivered: %+v", lost)
	}
}

// checkHistory: every state was entered and left once, and the events are numbered without a gap.
func (l *killLoad) checkHistory(t *testing.T, s *system, name, arn string) {
	t.Helper()
	h, err := sfn.NewFromConfig(s.config()).GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, MaxResults: 1000})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for n, e := range h.Events {
		if e.Id != int64(n+1) {
			t.Errorf("%s: event %d has the number %d", name, n+1, e.Id)
		}
		kind := string(e.Type)
		if entered := e.StateEnteredEventDetails; entered != nil {
			kind = "entered " + *entered.Name
		}
		if left := e.StateExitedEventDetails; left != nil {
			kind = "left " + *left.Name
		}
		counts[kind]++
	}
	want := map[string]int{"ExecutionStarted": 1, "ExecutionSucceeded": 1, "entered Item": 3, "left Item": 3}
	for _, state := range strings.Fields("Fork Wait Work Ask Each Pay") {
		want["entered "+state], want["left "+state] = 1, 1
	}
	for kind, n := range want {
		if counts[kind] != n {
			t.Errorf("%s: %s %d times, want %d", name, kind, counts[kind], n)
		}
	}
}

// checkPayment: the execution's event has led to one workflow, which did each of its steps once.
func (l *killLoad) checkPayment(t *testing.T, s *system, name string) {
	t.Helper()
	list := s.workflows("limit=100&subject=payment/" + payID(name))
	if len(list) != 1 {
		t.Errorf("the payment of %s has %d workflows", name, len(list))
		return
	}
	var i ops.Instance
	s.get("/v1/workflows/"+list[0].ID, &i)
	if i.Status != ops.InstanceCompleted || i.Attempt != 1 {
		t.Errorf("the payment of %s is %s in attempt %d: %+v", name, i.Status, i.Attempt, i.Error)
	}
	ends := map[string]int{}
	for _, h := range s.pages("/v1/workflows/"+i.ID+"/history", 100) {
		ends[fmt.Sprint(h["what"], " ", h["step"])]++
	}
	for n := range i.Steps {
		if step := i.Steps[n].ID; ends["step_completed "+step] != 1 {
			t.Errorf("step %s of the payment of %s has ended %d times", step, name, ends["step_completed "+step])
		}
	}
}
