package states_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"opsflow/shared/local/states"
)

func TestAPageFollowsOnItsOwnListOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{Name: "m", Definition: resultIs(1)})
	for range 3 {
		run(t, r, m.ARN)
		r.advance(t, time.Second)
	}
	list := func(in states.ListExecutionsInput) (int, string, error) {
		all, next, err := r.engine.ListExecutions(t.Context(), in)
		return len(all), next, err
	}
	all := states.ListExecutionsInput{StateMachineARN: m.ARN, Page: states.Page{Limit: 2}}
	n, next, err := list(all)
	if err != nil || n != 2 || next == "" {
		t.Fatalf("got %d, %q, %v", n, next, err)
	}
	all.Page.Token = next
	r.restart(t)
	if n, rest, err := list(all); err != nil || n != 1 || rest != "" {
		t.Errorf("the second page has %d, then %q, %v", n, rest, err)
	}
	filtered := all
	filtered.Status = states.StatusSucceeded
	_, _, err = list(filtered)
	wantError(t, err, "InvalidToken")
	_, _, err = r.engine.ListStateMachines(t.Context(), states.Page{Token: next})
	wantError(t, err, "InvalidToken")
	_, _, err = r.engine.ListActivities(t.Context(), states.Page{Token: "bm9uZQ=="})
	wantError(t, err, "InvalidToken")
	r.advance(t, 24*time.Hour+time.Second)
	_, _, err = list(all)
	wantError(t, err, "InvalidToken")
}

func TestFiltersOfExecutions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{Name: "m", Definition: `{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}`})
	redrive(t, r, run(t, r, m.ARN).ARN)
	run(t, r, m.ARN)
	for name, c := range map[string]struct {
		in   states.ListExecutionsInput
		want int
		code string
	}{
		"all":            {states.ListExecutionsInput{}, 2, ""},
		"failed":         {states.ListExecutionsInput{Status: "FAILED"}, 2, ""},
		"running":        {states.ListExecutionsInput{Status: "RUNNING"}, 0, ""},
		"redriven":       {states.ListExecutionsInput{Redrive: "REDRIVEN"}, 1, ""},
		"not redriven":   {states.ListExecutionsInput{Redrive: "NOT_REDRIVEN"}, 1, ""},
		"unknown status": {states.ListExecutionsInput{Status: "BOGUS"}, 0, "ValidationException"},
		"pending redrive of no map run": {
			states.ListExecutionsInput{Status: "PENDING_REDRIVE"}, 0, "ValidationException",
		},
		"unknown filter": {states.ListExecutionsInput{Redrive: "BOGUS"}, 0, "ValidationException"},
		"too many":       {states.ListExecutionsInput{Page: states.Page{Limit: 1001}}, 0, "ValidationException"},
		"too few":        {states.ListExecutionsInput{Page: states.Page{Limit: -1}}, 0, "ValidationException"},
	} {
		c.in.StateMachineARN = m.ARN
		list, _, err := r.engine.ListExecutions(t.Context(), c.in)
		switch {
		case c.code != "":
			t.Log(name)
			wantError(t, err, c.code)
		case err != nil || len(list) != c.want:
			t.Errorf("%s: got %d, %v; want %d", name, len(list), err, c.want)
		}
	}
}

func TestPagesOfAHistory(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server := httptest.NewServer(states.Handler(r.engine))
	defer server.Close()
	c := sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	arn := r.start(t, everything, `{"items":[1,2,3]}`)
	r.idle(t)
	for _, reverse := range []bool{false, true} {
		in := &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, ReverseOrder: reverse, MaxResults: 3}
		var ids []int64
		for first := true; first || in.NextToken != nil; first = false {
			page, err := c.GetExecutionHistory(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				ids = append(ids, e.Id)
			}
			if first {
				wantOtherOrderRefused(t, c, in, page.NextToken)
			}
			in.NextToken = page.NextToken
		}
		for i, id := range ids {
			want := int64(i + 1)
			if reverse {
				want = int64(len(ids) - i)
			}
			if id != want {
				t.Fatalf("reverse %v: got %v", reverse, ids)
			}
		}
		if len(ids) < 7 {
			t.Errorf("only %v", ids)
		}
	}
}

func wantOtherOrderRefused(t *testing.T, c *sfn.Client, in *sfn.GetExecutionHistoryInput, token *string) {
	t.Helper()
	other := *in
	other.ReverseOrder, other.NextToken = !in.ReverseOrder, token
	_, err := c.GetExecutionHistory(t.Context(), &other)
	if _, ok := errors.AsType[*types.InvalidToken](err); !ok {
		t.Errorf("a token of one order is good for the other: %v", err)
	}
}
