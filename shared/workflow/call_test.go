package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"opsflow/shared/ops"
)

// caller is ops.Caller; it fails as often as it is told to.
type caller struct {
	failures []*ops.CallError
	keys     []string
}

func (c *caller) Call(_ context.Context, r ops.APIRequest) (ops.APIResponse, error) {
	c.keys = append(c.keys, r.Method+" "+r.Path+" "+r.Key)
	if len(c.failures) > 0 {
		first := c.failures[0]
		c.failures = c.failures[1:]
		return ops.APIResponse{}, first
	}
	return ops.APIResponse{Status: 200, Body: []byte(`{"id":7}`)}, nil
}

const refundCall = `
	{"id": "refund", "name": "Refund", "kind": "api_call", "parameters": {"payment": "$.context.payment"},
	 "action": {"connection": "payments", "method": "POST", "path": "/payments/{payment}/refunds", "body": {"amount": 5}},
	 "retry": {"max_attempts": 3, "backoff": "1s"}},
	{"id": "tell", "name": "Tell", "kind": "notification", "depends_on": ["refund"], "template": "refund_done", "parameters": {"refund": "$.steps.refund.output.body.id"}}`

func calling(t *testing.T, failures ...*ops.CallError) (*bundle, *caller) {
	t.Helper()
	b := setup(t, nil)
	c := &caller{failures: failures}
	b.Caller = c
	if err := b.store.Save(t.Context(), &ops.Connection{Name: "payments", BaseURL: "https://payments.example"}); err != nil {
		t.Fatal(err)
	}
	b.publish(t, document(refundCall))
	return b, c
}

func TestACallIsTriedAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	passing := &ops.CallError{Status: 503, Again: true, After: 5 * time.Second, Err: errors.New("payments answered 503")}
	b, c := calling(t, passing, passing)
	i := b.start(t, "sample", ops.SubjectRef{}, `{"payment": "a/b"}`)
	if i.Status != ops.InstanceCompleted || i.Steps[0].Tries != 3 || string(i.Steps[0].Output) != `{"status":200,"body":{"id":7}}` {
		t.Fatalf("%s: %+v", i.Status, i.Steps[0])
	}
	if want := "POST /payments/a%2Fb/refunds " + i.ID + ":refund:0"; len(c.keys) != 3 || slices.ContainsFunc(c.keys, func(k string) bool { return k != want }) {
		t.Errorf("called %q, want %q three times", c.keys, want)
	}
}

func TestANextTryWaitsAsLongAsTheAnswerAsks(t *testing.T) {
	t.Parallel()
	b, _ := calling(t, &ops.CallError{Status: 429, Again: true, After: 5 * time.Second, Err: errors.New("payments answered 429")})
	i := b.start(t, "sample", ops.SubjectRef{}, `{"payment": "p"}`)
	for _, h := range i.History {
		var detail struct {
			AgainAt time.Time `json:"again_at"`
		}
		if h.What == "step_retried" && json.Unmarshal(h.Detail, &detail) == nil && !detail.AgainAt.Before(h.At.Add(5*time.Second)) {
			return
		}
	}
	t.Errorf("the history has no try that waits 5 s: %+v", i.History)
}

func TestACallThatIsRefusedFailsItsStepAtOnce(t *testing.T) {
	t.Parallel()
	b, c := calling(t, &ops.CallError{Status: 422, Err: errors.New("payments answered 422")})
	i := b.start(t, "sample", ops.SubjectRef{}, `{"payment": "p"}`)
	if i.Status != ops.InstanceFailed || i.Error == nil || i.Error.Code != "call_failed_422" || len(c.keys) != 1 {
		t.Errorf("%s: %+v after %d calls", i.Status, i.Error, len(c.keys))
	}
}

func TestACallThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	unnamed, _ := calling(t)
	if i := unnamed.start(t, "sample", ops.SubjectRef{}, `{}`); i.Error == nil || i.Error.Message != "there is no text or number for {payment} of the path /payments/{payment}/refunds" {
		t.Errorf("without the payment: %+v", i.Error)
	}
	b, c := calling(t)
	stored, err := b.store.Connection(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Delete(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if i := b.start(t, "sample", ops.SubjectRef{}, `{"payment": "p"}`); i.Error == nil || i.Error.Message != `there is no connection "payments"` || len(c.keys) != 0 {
		t.Errorf("without the connection: %+v", i.Error)
	}
}

// What a call came to is written at once: a death at any write repeats it under the same key, and nothing else.
func TestADeathAtAnyWriteRepeatsACallUnderItsKey(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		for at := 0; ; at++ {
			b, c := calling(t)
			i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample", Context: map[string]json.RawMessage{"payment": []byte(`"p"`)}}, ops.Actor{ID: "starter"})
			if err != nil {
				t.Fatal(err)
			}
			b.saver.arm(at, applied)
			b.machine.run(t.Context())
			if b.saver.waiting() {
				if at < 3 {
					t.Errorf("the run has only %d writes: the call's outcome has none of its own", at)
				}
				break
			}
			if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
				t.Errorf("write %d, applied %v: %s %+v", at, applied, i.Status, i.Error)
			}
			if keys := slices.Compact(c.keys); len(keys) != 1 {
				t.Errorf("write %d, applied %v: called under %q", at, applied, keys)
			}
		}
	}
}
