package local_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"opsflow/shared/ops"
)

func TestBookingIntegrationTakesEventsInAndSendsWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	s := promised(t)
	heard := s.listen("booking_confirmed", "vendor_assigned", "workflow_completed")
	s.put("booking_created", booking("bk-1"))
	told := map[string]int{}
	for _, e := range heard() {
		told[e.DetailType]++
		var detail struct {
			BookingID string         `json:"booking_id"`
			Subject   ops.SubjectRef `json:"subject"`
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil || detail.BookingID != "bk-1" && detail.Subject.ID != "bk-1" {
			t.Errorf("%s does not say that it is about bk-1: %s", e.DetailType, e.Detail)
		}
	}
	if want := map[string]int{"booking_confirmed": 1, "vendor_assigned": 1, "workflow_completed": 2}; !maps.Equal(told, want) {
		t.Errorf("over the bus went %v, want %v", told, want)
	}
}

// envelope is an event as EventBridge gives it to a target.
type envelope struct {
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// listen hears events of these types on the bus as another system on AWS would: by a rule whose target is a state machine.
func (s *system) listen(types ...string) (heard func() []envelope) {
	s.t.Helper()
	ctx := s.t.Context()
	machines, bus := sfn.NewFromConfig(s.config()), eventbridge.NewFromConfig(s.config())
	m, err := machines.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String("listener"), RoleArn: aws.String("arn:aws:iam::000000000000:role/listener"),
		Definition: aws.String(`{"StartAt":"Hear","States":{"Hear":{"Type":"Pass","End":true}}}`),
	})
	if err != nil {
		s.t.Fatalf("CreateStateMachine: %v", err)
	}
	pattern, err := json.Marshal(map[string][]string{"detail-type": types})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := bus.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: aws.String("listener"), EventBusName: aws.String("opsflow"), EventPattern: aws.String(string(pattern)),
	}); err != nil {
		s.t.Fatalf("PutRule: %v", err)
	}
	if _, err := bus.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: aws.String("listener"), EventBusName: aws.String("opsflow"),
		Targets: []ebtypes.Target{{Id: aws.String("listener"), Arn: m.StateMachineArn, RoleArn: aws.String("arn:aws:iam::000000000000:role/listener")}},
	}); err != nil {
		s.t.Fatalf("PutTargets: %v", err)
	}
	return func() []envelope {
		s.idle()
		list, err := machines.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: m.StateMachineArn})
		if err != nil {
			s.t.Fatalf("ListExecutions: %v", err)
		}
		var all []envelope
		for _, x := range list.Executions {
			d, err := machines.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: x.ExecutionArn})
			if err != nil {
				s.t.Fatalf("DescribeExecution: %v", err)
			}
			var e envelope
			if err := json.Unmarshal([]byte(aws.ToString(d.Input)), &e); err != nil {
				s.t.Fatal(err)
			}
			all = append(all, e)
		}
		return all
	}
}
