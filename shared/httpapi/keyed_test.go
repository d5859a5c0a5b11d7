package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

func TestAKeyedRequestIsAnsweredAgainAsItWas(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.call(t, "POST", "/v1/workflows", `{"template":"payment_processing","name":"Once"}`, "Idempotency-Key", "k1")
	again := r.call(t, "POST", "/v1/workflows", `{"name":"Once", "template":"payment_processing"}`, "Idempotency-Key", "k1")
	if first.Code != http.StatusCreated || again.Code != http.StatusCreated || first.Body.String() != again.Body.String() || len(r.started) != 1 {
		t.Errorf("%d %s, again %d %s, %d started", first.Code, first.Body, again.Code, again.Body, len(r.started))
	}
	for _, name := range []string{"ETag", "Location", "Content-Type"} {
		if v := first.Header().Get(name); v == "" || again.Header().Get(name) != v {
			t.Errorf("%s: %q, again %q", name, v, again.Header().Get(name))
		}
	}
	if first.Header().Get("Idempotency-Replayed") != "" || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed: %q, again %q", first.Header().Get("Idempotency-Replayed"), again.Header().Get("Idempotency-Replayed"))
	}
	if first.Header().Get("X-Request-Id") == again.Header().Get("X-Request-Id") {
		t.Error("both have the same request id")
	}
}

func TestAKeyIsGoodForOneRequestOfOneCaller(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var first, other ops.Instance
	const body = `{"template":"payment_processing"}`
	r.call(t, "POST", "/v1/workflows", body, "Idempotency-Key", "k1").ok(http.StatusCreated, &first)
	bob := append(r.as(t, "bob", ops.Finance), "Idempotency-Key", "k1")
	r.call(t, "POST", "/v1/workflows", body, bob...).ok(http.StatusCreated, &other)
	if first.ID == other.ID || len(r.started) != 2 {
		t.Errorf("ids %s, %s; %d started", first.ID, other.ID, len(r.started))
	}
	for _, changed := range []string{
		`{"template":"other"}`, `{"template":"payment_processing","name":"x"}`, `{"template":"payment_processing","context":{"a":1}}`,
	} {
		p := r.call(t, "POST", "/v1/workflows", changed, "Idempotency-Key", "k1").problem(422, ops.CodeInvalid)
		want := ops.Fault{Path: "header.Idempotency-Key", Expected: "new for each request: this one was sent with another body", Got: `"k1"`}
		if len(p.Errors) != 1 || p.Errors[0] != want {
			t.Errorf("%s: errors %+v", changed, p.Errors)
		}
	}
}

func TestAKeyIsOneReadableText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const body = `{"template":"payment_processing"}`
	for name, key := range map[string]string{"too long": strings.Repeat("x", 256), "a tab": "a\tb", "not in UTF-8": "\xff"} {
		p := r.call(t, "POST", "/v1/workflows", body, "Idempotency-Key", key).problem(422, ops.CodeInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Path != "header.Idempotency-Key" || p.Errors[0].Got == "" {
			t.Errorf("%s: errors %+v", name, p.Errors)
		}
	}
	var i ops.Instance
	r.call(t, "POST", "/v1/workflows", body, "Idempotency-Key", strings.Repeat("é", 255)).ok(http.StatusCreated, &i)
}

func TestARefusedRequestLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.call(t, "POST", "/v1/workflows", `{"template":7}`, "Idempotency-Key", "k1").problem(422, ops.CodeInvalid)
	r.fail = ops.Errorf(ops.CodeUnavailable, "not now")
	r.call(t, "POST", "/v1/workflows", `{"template":"x"}`, "Idempotency-Key", "k1").problem(503, ops.CodeUnavailable)
	r.fail = nil
	started := r.instances
	r.instances = nil // so that the fake panics when it takes the new one in
	r.call(t, "POST", "/v1/workflows", `{"template":"x"}`, "Idempotency-Key", "k1").problem(500, ops.CodeInternal)
	r.instances = started
	var i ops.Instance
	r.call(t, "POST", "/v1/workflows", `{"template":"x"}`, "Idempotency-Key", "k1").ok(http.StatusCreated, &i)
}

func TestEveryPostTakesAKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(r.call(t, "GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	posts := 0
	for path, methods := range doc.Paths {
		post, ok := methods["post"]
		if !ok {
			continue
		}
		posts++
		takes := false
		for _, p := range post.Parameters {
			takes = takes || p.Name == "Idempotency-Key" && p.In == "header"
		}
		if !takes {
			t.Errorf("POST %s does not document Idempotency-Key", path)
		}
	}
	if posts < 30 {
		t.Errorf("there are %d", posts)
	}
}
