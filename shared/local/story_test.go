package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// story is what opsflow promises, told against any way of running it.
func story(t *testing.T, s *system) {
	t.Run("a booking starts two workflows and is processed to its end, once", func(t *testing.T) {
		s := s.in(t)
		before := s.executions()
		s.put("booking_created", booking("bk-1"))
		if n := s.executions() - before; n != 2 {
			t.Fatalf("the booking started %d executions, want 2", n)
		}
		i := s.workflow("booking_processing", "booking/bk-1")
		if i.Status != "completed" || i.Progress != 100 {
			t.Fatalf("booking_processing is %s at %d %%, want completed at 100 %%", i.Status, i.Progress)
		}
		for _, step := range i.Steps {
			switch {
			case step.Status == "skipped":
			case step.Status != "completed":
				t.Errorf("step %s is %s, want completed", step.ID, step.Status)
			case step.StartedAt.IsZero() || step.FinishedAt.IsZero():
				t.Errorf("step %s has no start or no finish", step.ID)
			}
		}
		var history struct {
			Items []struct {
				What string `json:"what"`
			} `json:"items"`
		}
		s.get("/v1/workflows/"+i.ID+"/history", &history)
		if len(history.Items) == 0 || history.Items[len(history.Items)-1].What != "completed" {
			t.Errorf("the history ends with %v, want completed", history.Items)
		}
		if a := s.workflow("vendor_assignment", "booking/bk-1"); a.Status != "completed" || a.Progress != 100 {
			t.Errorf("vendor_assignment is %s at %d %%, want completed at 100 %%", a.Status, a.Progress)
		}

		again := s.put("booking_created", booking("bk-1"))
		if n := s.executions() - before; n != 2 {
			t.Errorf("after the same booking again there are %d executions, want 2", n)
		}
		e := s.event(again)
		for _, rule := range []string{"process-booking", "assign-vendor"} {
			if got := fmt.Sprint(e.outcomes(rule)); got != "[matched suppressed:duplicate]" {
				t.Errorf("decisions of %s: %s, want matched, then suppressed: duplicate", rule, got)
			}
		}
	})

	t.Run("a service worth 100 is not checked, one worth 100.01 is", func(t *testing.T) {
		s := s.in(t)
		done := func(id string, value string) string {
			return s.put("service_completed", map[string]any{
				"booking_id": id, "vendor_id": "vn-1", "completed_at": "2026-11-24T10:00:00Z", "service_value": json.RawMessage(value),
			})
		}
		e := s.event(done("bk-100", "100"))
		if got := fmt.Sprint(e.outcomes("quality-check")); got != "[not_matched]" {
			t.Fatalf("quality-check on 100: %s, want not_matched", got)
		}
		for _, d := range e.Decisions {
			if d.Rule == "quality-check" {
				if d.Leaf == nil || d.Leaf.Path != "detail.service_value" || string(d.Leaf.Got) != "100" || string(d.Leaf.Want) != "100" {
					t.Errorf("the decision for 100 says %+v, want the leaf detail.service_value gt 100 and the value 100", d.Leaf)
				}
			}
		}
		done("bk-100.01", "100.01")
		for subject, want := range map[string]int{"booking/bk-100": 0, "booking/bk-100.01": 1} {
			n := 0
			for _, i := range s.workflows("limit=100&subject=" + url.QueryEscape(subject)) {
				if i.Template == "quality_assurance" {
					n++
				}
			}
			if n != want {
				t.Errorf("%s has %d quality_assurance workflows, want %d", subject, n, want)
			}
		}
	})

	t.Run("a payment waits for Finance and is finished by its approval, once", func(t *testing.T) {
		s := s.in(t)
		s.put("payment_received", payment("pay-1"))
		i := s.awaitsApproval("pay-1")
		s.approve(i, http.StatusOK)
		if i = s.workflow("payment_processing", "payment/pay-1"); i.Status != "completed" || i.Progress != 100 {
			t.Fatalf("after the approval it is %s at %d %%, want completed at 100 %%", i.Status, i.Progress)
		}
	})

	t.Run("an event that breaks its schema is kept with its faults and starts nothing", func(t *testing.T) {
		s := s.in(t)
		before := s.executions()
		id := s.put("booking_created", map[string]any{"booking_id": "not an id", "customer_id": 12})
		e := s.event(id)
		paths := map[string]bool{}
		for _, f := range e.Faults {
			paths[f.Path] = f.Expected != ""
		}
		if e.Status != "invalid" || !paths["$.detail.booking_id"] || !paths["$.detail.customer_id"] {
			t.Errorf("the event is %s with faults %+v, want invalid with $.detail.booking_id and $.detail.customer_id", e.Status, e.Faults)
		}
		unknown := s.event(s.put("booking_exploded", map[string]any{"booking_id": "bk-9"}))
		if unknown.Status != "invalid" {
			t.Errorf("an unknown detail-type is %s, want invalid", unknown.Status)
		}
		if n := s.executions() - before; n != 0 {
			t.Errorf("invalid events started %d executions", n)
		}
		var list struct {
			Items []event `json:"items"`
		}
		s.get("/v1/events/invalid?limit=100", &list)
		listed := map[string]bool{}
		for _, item := range list.Items {
			listed[item.ID] = true
		}
		if !listed[e.ID] || !listed[unknown.ID] {
			t.Errorf("the list of invalid events lacks one of the two")
		}
	})

	t.Run("the API refuses what it must", func(t *testing.T) {
		s := s.in(t)
		for _, c := range []struct {
			name, method, path, token string
			body                      any
			want                      int
		}{
			{"no token", http.MethodGet, "/v1/workflows", "", nil, http.StatusUnauthorized},
			{"a forged token", http.MethodGet, "/v1/workflows", s.token[:len(s.token)-4] + "AAAA", nil, http.StatusUnauthorized},
			{"an unknown workflow", http.MethodGet, "/v1/workflows/wf-nothing", s.token, nil, http.StatusNotFound},
			{"an unknown template", http.MethodPost, "/v1/workflows", s.token, map[string]any{"template": "nothing"}, http.StatusNotFound},
			{"a large body", http.MethodPost, "/v1/workflows", s.token, `{"template":"` + strings.Repeat("x", 2<<20) + `"}`, http.StatusRequestEntityTooLarge},
			{"a broken rule", http.MethodPost, "/v1/rules", s.token, `{"name":"x","event":"nothing","actions":[]}`, http.StatusUnprocessableEntity},
			{"a broken template", http.MethodPost, "/v1/templates", s.token, `{"name":"x","steps":[{"id":"a","kind":"magic"}]}`, http.StatusUnprocessableEntity},
		} {
			if got := s.request(c.method, c.path, c.token, c.body); got.status != c.want {
				t.Errorf("%s: %d %s, want %d", c.name, got.status, got.body, c.want)
			}
		}
	})

	t.Run("a started workflow's execution can be followed through Step Functions", func(t *testing.T) {
		s := s.in(t)
		res := s.request(http.MethodPost, "/v1/workflows", s.token, map[string]any{
			"template": "customer_follow_up", "subject": map[string]string{"type": "booking", "id": "bk-7"},
		})
		if res.status != http.StatusCreated {
			t.Fatalf("POST /v1/workflows: %d %s", res.status, res.body)
		}
		s.idle()
		i := s.workflow("customer_follow_up", "booking/bk-7")
		if i.Status != "completed" {
			t.Fatalf("customer_follow_up is %s, want completed", i.Status)
		}
		client := sfn.NewFromConfig(s.config())
		arn := aws.String("arn:aws:states:us-east-1:000000000000:execution:opsflow-customer_follow_up-v1:" + i.ID + "-1")
		e, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn})
		if err != nil || e.Status != sfntypes.ExecutionStatusSucceeded {
			t.Fatalf("DescribeExecution: %+v, %v; want SUCCEEDED", e, err)
		}
		h, err := client.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: arn})
		if err != nil || len(h.Events) < 4 {
			t.Errorf("GetExecutionHistory: %d events, %v", len(h.Events), err)
		}
		_, err = client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String(*arn + "x")})
		if _, ok := errors.AsType[*sfntypes.ExecutionDoesNotExist](err); !ok {
			t.Errorf("an unknown execution: %v, want ExecutionDoesNotExist", err)
		}
		var box struct {
			Items []json.RawMessage `json:"items"`
		}
		s.get("/dev/outbox", &box)
		if len(box.Items) == 0 {
			t.Errorf("the survey is not in the outbox")
		}
	})
}

// in is the same system for another test.
func (s *system) in(t testing.TB) *system {
	c := *s
	c.t = t
	return &c
}

func payment(id string) map[string]any {
	return map[string]any{"payment_id": id, "booking_id": "bk-1", "amount": 120.5, "currency": "AED", "method": "card"}
}

// awaitsApproval checks that a payment's workflow waits for a person, and gives it.
func (s *system) awaitsApproval(payment string) instance {
	s.t.Helper()
	i := s.workflow("payment_processing", "payment/"+payment)
	if i.Status != "waiting_approval" || i.WaitingFor == nil || i.WaitingFor.Kind != "task" {
		s.t.Fatalf("payment_processing is %s, waiting for %+v; want waiting_approval for a task", i.Status, i.WaitingFor)
	}
	return i
}

// approve completes the task that an instance waits for, as a member of Finance, and shows that a second time is refused.
func (s *system) approve(i instance, want int) {
	s.t.Helper()
	finance := s.tokenFor("fiona", "finance")
	path := "/v1/tasks/" + i.WaitingFor.Ref
	if res := s.request(http.MethodPost, path+"/complete", s.tokenFor("oscar", "operations"), map[string]string{"outcome": "approved"}); res.status != http.StatusForbidden {
		s.t.Errorf("approval by Operations: %d %s, want 403", res.status, res.body)
	}
	if res := s.request(http.MethodPost, path+"/claim", finance, nil); res.status != http.StatusOK {
		s.t.Errorf("claim: %d %s", res.status, res.body)
	}
	if res := s.request(http.MethodPost, path+"/complete", finance, map[string]string{"outcome": "approved"}); res.status != want {
		s.t.Fatalf("approval: %d %s, want %d", res.status, res.body, want)
	}
	s.idle()
	if res := s.request(http.MethodPost, path+"/complete", finance, map[string]string{"outcome": "approved"}); res.status != http.StatusConflict {
		s.t.Errorf("approval again: %d %s, want 409", res.status, res.body)
	}
}
