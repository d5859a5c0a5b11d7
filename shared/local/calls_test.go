package local_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/aws/secrets"
	"opsflow/shared/aws/signed"
	"opsflow/shared/local/clock"
)

// paymentSystem is a system outside: it takes refunds, after it has refused as many as it is told to.
type paymentSystem struct {
	*httptest.Server

	mu      sync.Mutex
	refuse  int
	keys    []string
	bodies  []string
	secrets []string
}

func newPaymentSystem(t testing.TB) *paymentSystem {
	t.Helper()
	p := &paymentSystem{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		p.keys = append(p.keys, r.Header.Get("Idempotency-Key"))
		p.bodies = append(p.bodies, r.Method+" "+r.URL.Path+" "+string(body))
		p.secrets = append(p.secrets, r.Header.Get("Authorization"))
		if p.refuse > 0 {
			p.refuse--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"refund_id":"rf-1"}`)
	}))
	t.Cleanup(p.Close)
	return p
}

// keepSecret puts a secret where an operator would: into Secrets Manager.
func (s *system) keepSecret(name, value string) {
	s.t.Helper()
	c := signed.Client{
		Config: s.config(), Service: "secretsmanager", HTTP: http.DefaultClient, Now: time.Now,
	}
	body, err := json.Marshal(map[string]string{"Name": name, "SecretString": value})
	if err != nil {
		s.t.Fatal(err)
	}
	target := strings.Replace(secrets.Target, "GetSecretValue", "CreateSecret", 1)
	if _, err := c.Post(s.t.Context(), "/", "application/x-amz-json-1.1", body, map[string]string{"X-Amz-Target": target}); err != nil {
		s.t.Fatal(err)
	}
}

// depositRefund is the template by which the design explains the language.
func depositRefund(t testing.TB) json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/deposit_refund.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestARefundIsPaidByTheSystemOutsideAfterItsApproval(t *testing.T) {
	t.Parallel()
	payments := newPaymentSystem(t)
	payments.refuse = 2
	o := options()
	o.PrivateCalls = true
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	s.keepSecret("opsflow/payments", "s3cret")
	res := s.request(http.MethodPut, "/v1/connections/payments", s.token, map[string]any{
		"base_url": payments.URL + "/v2", "auth": map[string]any{"type": "bearer", "secret": "payments"}, "timeout": "5s",
	})
	if res.status != http.StatusOK {
		t.Fatalf("connection: %d %s", res.status, res.body)
	}
	if res := s.request(http.MethodPost, "/v1/templates", s.token, depositRefund(t)); res.status != http.StatusCreated {
		t.Fatalf("create: %d %s", res.status, res.body)
	}
	if res := s.request(http.MethodPost, "/v1/templates/deposit_refund/versions/1/publish", s.token, nil); res.status != http.StatusOK {
		t.Fatalf("publish: %d %s", res.status, res.body)
	}
	s.put("payment_received", payment("pay-1"))
	s.advance("1m") // what came before the workflow is not the receipt that it waits for
	var i instance
	res = s.request(http.MethodPost, "/v1/workflows", s.token, map[string]any{
		"template": "deposit_refund", "subject": map[string]string{"type": "payment", "id": "pay-1"},
		"context": map[string]any{"payment_id": "pay-1", "booking_id": "bk-1", "amount": 880, "currency": "AED"},
	})
	res.decode(t, &i)
	s.idle()
	s.get("/v1/workflows/"+i.ID, &i)
	if i.WaitingFor == nil || i.WaitingFor.Kind != "task" {
		t.Fatalf("%s waits for %+v", i.Status, i.WaitingFor)
	}
	task := i.WaitingFor.Ref
	res = s.request(http.MethodPost, "/v1/tasks/"+task+"/complete", s.tokenFor("faisal", "finance"), map[string]any{
		"outcome": "approved", "form": map[string]string{"reason": "the client moved away"},
	})
	if res.status != http.StatusOK {
		t.Fatalf("approve: %d %s", res.status, res.body)
	}
	s.advance("5m")
	payments.mu.Lock()
	if len(payments.keys) != 3 || len(slices.Compact(slices.Clone(payments.keys))) != 1 || payments.keys[0] != i.ID+":refund:0" {
		t.Errorf("refunds were asked for under the keys %q", payments.keys)
	}
	if payments.bodies[2] != `POST /v2/refunds {"amount":880}` || payments.secrets[2] != "Bearer s3cret" {
		t.Errorf("the refund was %q by %q", payments.bodies[2], payments.secrets[2])
	}
	payments.mu.Unlock()
	s.advance("48h")
	s.token = s.tokenFor("ada", "admin")
	s.advance("73h") // nobody sends the receipt
	s.token = s.tokenFor("ada", "admin")
	s.get("/v1/workflows/"+i.ID, &i)
	got := map[string]string{}
	for _, step := range i.Steps {
		got[step.ID] = step.Status
	}
	if i.Status != "completed" || got["refund"] != "completed" || got["wait"] != "completed" || got["signed"] != "skipped" {
		t.Errorf("the workflow is %s: %v", i.Status, got)
	}
	whole := s.request(http.MethodGet, "/v1/workflows/"+i.ID, s.token, nil)
	if !strings.Contains(string(whole.body), `"refund_id":"rf-1"`) || strings.Contains(string(whole.body), "s3cret") {
		t.Errorf("the record is %s", whole.body)
	}
}
