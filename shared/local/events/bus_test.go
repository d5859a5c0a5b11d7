package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"opsflow/shared/local/events"
)

func TestPermissionsOfABusComeAndGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.client()
	ctx := t.Context()
	policyOf := func() string {
		out, err := c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.Policy)
	}
	put := func(id, principal string) {
		t.Helper()
		if _, err := c.PutPermission(ctx, &eventbridge.PutPermissionInput{
			Action: aws.String("events:PutEvents"), Principal: &principal, StatementId: &id,
		}); err != nil {
			t.Fatal(err)
		}
	}
	put("all", "*")
	put("friends", "111122223333")
	put("all", "*") // takes its own place
	var document struct {
		Statement []struct{ Sid, Resource string }
	}
	if err := json.Unmarshal([]byte(policyOf()), &document); err != nil || len(document.Statement) != 2 || document.Statement[1].Sid != "friends" ||
		document.Statement[1].Resource != "arn:aws:events:us-east-1:000000000000:event-bus/default" {
		t.Fatalf("got %s, %v", policyOf(), err)
	}
	b.close()
	b.open()
	c = b.client()
	if !strings.Contains(policyOf(), "arn:aws:iam::111122223333:root") {
		t.Errorf("after a restart: %s", policyOf())
	}
	_, err := c.RemovePermission(ctx, &eventbridge.RemovePermissionInput{StatementId: aws.String("none")})
	if none, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || none.ErrorMessage() != "Statement with the provided id does not exist." {
		t.Errorf("got %v", err)
	}
	if _, err := c.RemovePermission(ctx, &eventbridge.RemovePermissionInput{RemoveAllPermissions: true}); err != nil || policyOf() != "" {
		t.Errorf("after all were removed: %s, %v", policyOf(), err)
	}
}

func TestBusIsUpdatedAndTagged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.client()
	ctx := t.Context()
	made, err := c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("sales"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("ops")}}})
	if err != nil {
		t.Fatal(err)
	}
	updated, err := c.UpdateEventBus(ctx, &eventbridge.UpdateEventBusInput{Name: aws.String("sales"), Description: aws.String("what is sold")})
	if err != nil || *updated.Description != "what is sold" || *updated.Arn != *made.EventBusArn {
		t.Errorf("got %+v, %v", updated, err)
	}
	b.rule(events.Rule{Name: "r", Bus: "sales", Pattern: `{"a": [1]}`})
	rule := aws.String("arn:aws:events:us-east-1:000000000000:rule/sales/r")
	if _, err := c.TagResource(ctx, &eventbridge.TagResourceInput{ResourceARN: rule, Tags: []types.Tag{
		{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(ctx, &eventbridge.UntagResourceInput{ResourceARN: rule, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[*string]string{rule: "b", made.EventBusArn: "team"} {
		out, err := c.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: arn})
		if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != want {
			t.Errorf("%s: got %+v, %v", *arn, out, err)
		}
	}
	_, err = c.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: aws.String(*rule + "x")})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestReplayThatIsOverCantBeCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.client()
	ctx := t.Context()
	bus, err := c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.CreateArchive(ctx, &eventbridge.CreateArchiveInput{ArchiveName: aws.String("all"), EventSourceArn: bus.Arn})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartReplay(ctx, &eventbridge.StartReplayInput{
		ReplayName: aws.String("again"), EventSourceArn: a.ArchiveArn, Destination: &types.ReplayDestination{Arn: bus.Arn},
		EventStartTime: aws.Time(start.Add(-1)), EventEndTime: aws.Time(start),
	}); err != nil {
		t.Fatal(err)
	}
	_, err = c.CancelReplay(ctx, &eventbridge.CancelReplayInput{ReplayName: aws.String("again")})
	if wrong, ok := errors.AsType[*types.IllegalStatusException](err); !ok || wrong.ErrorMessage() != "Replay again is not in a valid state for this operation." {
		t.Errorf("got %v", err)
	}
}
