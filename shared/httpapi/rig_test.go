package httpapi_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/issuer"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/timeline"
)

const client = "opsflow-test"

// rig is the API in front of fakes, with a real issuer and a real verifier.
type rig struct {
	*fakes
	handler http.Handler
	issuer  *issuer.Issuer
	clock   *clock.Clock
	log     *bytes.Buffer
	records *store.Store // what the API keeps by itself
}

func newRig(t *testing.T) *rig {
	t.Helper()
	c := clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	iss := serveIssuer(t, c)
	r := &rig{fakes: newFakes(), issuer: iss, clock: c, log: &bytes.Buffer{}, records: storetest.InMemory(t, c.Now)}
	links, err := timeline.NewLinks(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	r.handler = httpapi.New(httpapi.Config{
		Store: apiStore{r.fakes, r.records}, Records: r.records, Workflows: r.fakes, Tasks: (*fakeTasks)(r.fakes), Members: (*fakeTasks)(r.fakes), Vendors: (*fakeVendors)(r.fakes), Notifications: r.fakes, Rules: (*fakeRules)(r.fakes), Bulk: (*fakeBulk)(r.fakes), Backtests: (*fakeBacktests)(r.fakes), Alerts: (*fakeAlerts)(r.fakes), Undelivered: (*fakeUndelivered)(r.fakes), Bus: r.fakes,
		Connections: (*fakeConnections)(r.fakes),
		Verifier: httpapi.NewOIDC(httpapi.OIDCConfig{
			Issuer: iss.URL, ClientIDs: []string{client}, HTTPClient: http.DefaultClient, Now: c.Now,
		}),
		Timelines: links, Clock: c, Random: rand.Reader, Logger: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	return r
}

// apiStore is the fakes with real cursors.
type apiStore struct {
	*fakes
	ops.Cursors
}

// serveIssuer runs an issuer on a port of its own until the test ends.
func serveIssuer(t *testing.T, c issuer.Clock) *issuer.Issuer {
	t.Helper()
	key, err := issuer.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var iss *issuer.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { iss.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	iss, err = issuer.New(issuer.Config{URL: server.URL, ClientID: client, Key: key, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return iss
}

func (r *rig) token(t *testing.T, user string, teams ...ops.Team) string {
	t.Helper()
	groups := make([]string, len(teams))
	for i, team := range teams {
		groups[i] = strings.ToLower(string(team))
	}
	token, err := r.issuer.Token(user, groups)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// call is a request as an admin, unless headers say otherwise ("Authorization", "" leaves the token out).
func (r *rig) call(t *testing.T, method, path, body string, headers ...string) *response {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+r.token(t, "ada", ops.Admin))
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	if !r.document(t).describes(method, req.URL.Path, rec.Code) {
		t.Errorf("%s %s: the status %d is not in the OpenAPI document", method, path, rec.Code)
	}
	return &response{t: t, what: method + " " + path, ResponseRecorder: rec}
}

// document is the API's own description.
func (r *rig) document(t *testing.T) *openAPI {
	t.Helper()
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", http.NoBody))
	var doc openAPI
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

// as are the headers of a caller in teams.
func (r *rig) as(t *testing.T, user string, teams ...ops.Team) []string {
	t.Helper()
	return []string{"Authorization", "Bearer " + r.token(t, user, teams...)}
}

type response struct {
	t    *testing.T
	what string
	*httptest.ResponseRecorder
}

type problem struct {
	Type      string      `json:"type"`
	Title     string      `json:"title"`
	Status    int         `json:"status"`
	Code      ops.Code    `json:"code"`
	Detail    string      `json:"detail"`
	RequestID string      `json:"request_id"`
	Errors    []ops.Fault `json:"errors"`
}

// problem checks everything that all errors have in common, and gives this one.
func (r *response) problem(status int, code ops.Code) problem {
	r.t.Helper()
	var p problem
	dec := json.NewDecoder(bytes.NewReader(r.Body.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		r.t.Fatalf("%s: body %q: %v", r.what, r.Body, err)
	}
	if r.Code != status || p.Status != status || p.Code != code {
		r.t.Fatalf("%s: status %d, body %s, want %d %s", r.what, r.Code, r.Body, status, code)
	}
	if ct := r.Header().Get("Content-Type"); ct != "application/problem+json" {
		r.t.Errorf("%s: Content-Type %q", r.what, ct)
	}
	if p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Detail == "" || p.Errors == nil {
		r.t.Errorf("%s: incomplete problem %s", r.what, r.Body)
	}
	for _, f := range p.Errors {
		if f.Path == "" || f.Expected == "" || f.Got == "" {
			r.t.Errorf("%s: incomplete fault %+v", r.what, f)
		}
	}
	if p.RequestID == "" || p.RequestID != r.Header().Get("X-Request-Id") {
		r.t.Errorf("%s: request_id %q, X-Request-Id %q", r.what, p.RequestID, r.Header().Get("X-Request-Id"))
	}
	return p
}

// ok checks the status and reads the body into v.
func (r *response) ok(status int, v any) {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("%s: status %d, body %s, want %d", r.what, r.Code, r.Body, status)
	}
	if ct := r.Header().Get("Content-Type"); ct != "application/json" {
		r.t.Errorf("%s: Content-Type %q", r.what, ct)
	}
	if err := json.Unmarshal(r.Body.Bytes(), v); err != nil {
		r.t.Fatalf("%s: body %s: %v", r.what, r.Body, err)
	}
}
