package connection_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"opsflow/shared/connection"
	"opsflow/shared/ops"
)

// vault is ops.Secrets from a map; it counts what is read.
type vault struct {
	secrets map[string]string
	read    int
}

func (v *vault) Secret(_ context.Context, name string) (string, error) {
	v.read++
	if s, ok := v.secrets[name]; ok {
		return s, nil
	}
	return "", ops.Errorf(ops.CodeNotFound, "there is no secret %s", name)
}

type fixedClock time.Time

func (c fixedClock) Now() time.Time                           { return time.Time(c) }
func (fixedClock) Sleep(context.Context, time.Duration) error { return nil }

var noon = fixedClock(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))

// serve starts a system outside and gives a connection to it.
func serve(t *testing.T, answer http.HandlerFunc) *ops.Connection {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return &ops.Connection{Name: "payments", BaseURL: s.URL + "/v2/"}
}

func callError(t *testing.T, err error) *ops.CallError {
	t.Helper()
	e, ok := errors.AsType[*ops.CallError](err)
	if !ok {
		t.Fatalf("got %v, want a CallError", err)
	}
	return e
}

func TestACallCarriesItsKeyItsSecretAndItsBody(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body string
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"refund": 7}`)
	})
	to.Headers = map[string]string{"X-Market": "dxb"}
	for auth, want := range map[*ops.ConnectionAuth][2]string{
		{Type: ops.AuthBearer, Secret: "key"}:                      {"Authorization", "Bearer s3cret"},
		{Type: ops.AuthBasic, Secret: "key", User: "opsflow"}:      {"Authorization", "Basic b3BzZmxvdzpzM2NyZXQ="},
		{Type: ops.AuthHeader, Secret: "key", Header: "X-Api-Key"}: {"X-Api-Key", "s3cret"},
	} {
		to.Auth = auth
		c := &connection.Caller{Secrets: &vault{secrets: map[string]string{"key": "s3cret\n"}}, Clock: noon, Private: true}
		answer, err := c.Call(t.Context(), ops.APIRequest{
			Connection: to, Method: http.MethodPost, Path: "/refunds/a%2Fb", Query: map[string]string{"q": "a b"}, Body: []byte(`{"amount":5}`), Key: "wf-1:refund:0",
		})
		if err != nil || answer.Status != http.StatusCreated || string(answer.Body) != `{"refund": 7}` {
			t.Fatalf("%s: %+v %v", auth.Type, answer, err)
		}
		if got.URL.EscapedPath() != "/v2/refunds/a%2Fb" || got.URL.Query().Get("q") != "a b" || body != `{"amount":5}` ||
			got.Header.Get("Idempotency-Key") != "wf-1:refund:0" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Market") != "dxb" {
			t.Errorf("%s: the request was %s %v %s", auth.Type, got.URL, got.Header, body)
		}
		if v := got.Header.Get(want[0]); v != want[1] {
			t.Errorf("%s: %s is %q, want %q", auth.Type, want[0], v, want[1])
		}
	}
}

func TestOnlyRefusalsOfTheMomentMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]ops.CallError{
		400: {}, 401: {}, 404: {}, 409: {}, 422: {}, 301: {},
		408: {Again: true}, 425: {Again: true}, 500: {Again: true}, 503: {Again: true, After: 2 * time.Minute}, 429: {Again: true, After: 90 * time.Second},
	} {
		to := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			switch status {
			case 429:
				w.Header().Set("Retry-After", "90")
			case 503:
				w.Header().Set("Retry-After", noon.Now().Add(2*time.Minute).Format(http.TimeFormat))
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "no, "+strings.Repeat("x", 1000))
		})
		_, err := (&connection.Caller{Clock: noon, Private: true}).Call(t.Context(), ops.APIRequest{Connection: to, Method: http.MethodGet, Path: "/"})
		e := callError(t, err)
		if e.Status != status || e.Again != want.Again || e.After != want.After {
			t.Errorf("%d: got %+v", status, e)
		}
		if !strings.HasPrefix(err.Error(), fmt.Sprintf("payments answered %d", status)) || len(err.Error()) > 400 {
			t.Errorf("%d: %q", status, err)
		}
	}
	gone := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := (&connection.Caller{Clock: noon, Private: true}).Call(t.Context(), ops.APIRequest{Connection: gone, Method: http.MethodGet, Path: "/"})
	if e := callError(t, err); !e.Again || e.Status != 0 {
		t.Errorf("a broken connection: %+v", e)
	}
}

func TestASecretIsNotShownAndARefusedOneIsReadAnew(t *testing.T) {
	t.Parallel()
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "who is "+r.Header.Get("Authorization")+"?")
	})
	to.Auth = &ops.ConnectionAuth{Type: ops.AuthBearer, Secret: "key"}
	v := &vault{secrets: map[string]string{"key": "s3cret"}}
	c := &connection.Caller{Secrets: v, Clock: noon, Private: true}
	for n := 1; n <= 2; n++ {
		_, err := c.Call(t.Context(), ops.APIRequest{Connection: to, Method: http.MethodGet, Path: "/"})
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "Bearer ***") {
			t.Errorf("got %v", err)
		}
		if v.read != n {
			t.Errorf("after %d refusals the secret was read %d times", n, v.read)
		}
	}
	to.Auth.Secret = "unknown"
	_, err := c.Call(t.Context(), ops.APIRequest{Connection: to, Method: http.MethodGet, Path: "/"})
	if e := callError(t, err); e.Again || !strings.Contains(e.Error(), "there is no secret unknown") {
		t.Errorf("got %+v", e)
	}
}

func TestALongAnswerIsLeftOutAndATextIsKeptAsOne(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]ops.APIResponse{
		"":     {Status: 200},
		"done": {Status: 200, Body: []byte(`"done"`)},
		`"` + strings.Repeat("x", ops.MaxAPIResponse) + `"`: {Status: 200, Large: true},
	} {
		to := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		got, err := (&connection.Caller{Clock: noon, Private: true}).Call(t.Context(), ops.APIRequest{Connection: to, Method: http.MethodGet, Path: "/"})
		if err != nil || got.Status != want.Status || string(got.Body) != string(want.Body) || got.Large != want.Large {
			t.Errorf("%.10q: got %.40v %v", body, got, err)
		}
	}
}

// Names, redirects and addresses: whatever leads into our own network is refused, and no further try is made.
func TestAddressesInsideAreRefused(t *testing.T) {
	t.Parallel()
	reached := false
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(inside.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "https://"), ":")
	for _, base := range []string{
		inside.URL, "https://localhost:" + port, "https://[::1]:" + port, "https://[::ffff:127.0.0.1]:" + port, "https://169.254.169.254", "https://10.1.2.3",
		"https://0.0.0.0:" + port, "http://127.0.0.1:" + port,
	} {
		to := &ops.Connection{Name: "inside", BaseURL: base}
		_, err := (&connection.Caller{Clock: noon}).Call(t.Context(), ops.APIRequest{Connection: to, Method: http.MethodGet, Path: "/"})
		if e := callError(t, err); e.Again || e.Status != 0 {
			t.Errorf("%s: %+v", base, e)
		}
	}
	if reached {
		t.Error("a system inside was reached")
	}
}

func TestARedirectLeadsToAllowedHostsOnlyAndTakesNoSecretElsewhere(t *testing.T) {
	t.Parallel()
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.Header.Get("X-Api-Key")) }))
	t.Cleanup(other.Close)
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	to.Auth = &ops.ConnectionAuth{Type: ops.AuthHeader, Secret: "key", Header: "X-Api-Key"}
	c := &connection.Caller{Secrets: &vault{secrets: map[string]string{"key": "s3cret"}}, Clock: noon, Private: true}
	request := ops.APIRequest{Connection: to, Method: http.MethodGet, Path: "/"}
	_, err := c.Call(t.Context(), request)
	if e := callError(t, err); e.Again || !strings.Contains(e.Error(), "localhost, which is not among allowed_hosts") {
		t.Errorf("got %+v", e)
	}
	to.AllowedHosts = []string{"localhost"}
	if _, err := c.Call(t.Context(), request); err != nil || len(seen) != 1 || seen[0] != "" {
		t.Errorf("got %v; elsewhere saw the secrets %q", err, seen)
	}
}
