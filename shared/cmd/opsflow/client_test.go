package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
)

// impatient is a clock on which pauses take no time.
type impatient struct{ ops.SystemClock }

func (impatient) Sleep(context.Context, time.Duration) error { return nil }

// flaky is an API that answers requests with its answers in turn, and then with the last one; it notes the keys that it is sent.
type flaky struct {
	mu      sync.Mutex
	keys    []string
	answers []http.HandlerFunc
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.keys = append(f.keys, r.Header.Get("Idempotency-Key"))
	answer := f.answers[0]
	f.answers = f.answers[min(1, len(f.answers)-1):]
	f.mu.Unlock()
	answer(w, r)
}

// take gives the keys that were sent since it was last asked.
func (f *flaky) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := f.keys
	f.keys = nil
	return keys
}

func lost(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func atIt(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusConflict)
	_, _ = w.Write([]byte(`{"code":"in_progress","detail":"in a moment"}`))
}

func gateway(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }

func fine(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }

func refused(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusConflict)
	_, _ = w.Write([]byte(`{"code":"illegal_move","detail":"it is closed"}`))
}

func TestARequestWhoseAnswerIsLostIsSentAgainUnderItsKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		sent    int
		code    ops.Code
	}{
		"answered":                {[]http.HandlerFunc{fine}, 1, ""},
		"lost twice":              {[]http.HandlerFunc{lost, lost, fine}, 3, ""},
		"lost, then still at it":  {[]http.HandlerFunc{lost, atIt, atIt, fine}, 4, ""},
		"lost before the API":     {[]http.HandlerFunc{gateway, fine}, 2, ""},
		"refused":                 {[]http.HandlerFunc{refused, fine}, 1, ops.CodeIllegalMove},
		"never answered":          {[]http.HandlerFunc{lost}, tries, ops.CodeUnavailable},
		"still at it for so long": {[]http.HandlerFunc{atIt}, tries, ops.CodeInProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &flaky{answers: c.answers}
			server := httptest.NewServer(f)
			defer server.Close()
			api, err := newClient(server.URL, "token")
			if err != nil {
				t.Fatal(err)
			}
			defer api.close()
			api.clock = impatient{}
			if _, err := api.post(t.Context(), "/v1/alerts", struct{}{}, ""); ops.ErrorCode(err) != c.code {
				t.Errorf("got %v", err)
			}
			keys := f.take()
			// net/http itself sends a keyed request again when a connection that it had kept turns out to be dead.
			if len(keys) < c.sent || keys[0] == "" || len(slices.Compact(slices.Clone(keys))) != 1 {
				t.Errorf("sent with the keys %q, want %d times with one", keys, c.sent)
			}
			_, _ = api.post(t.Context(), "/v1/alerts", struct{}{}, "")
			if other := f.take(); other[0] == keys[0] {
				t.Error("another request has the same key")
			}
			_, _ = api.post(t.Context(), "/v1/alerts", struct{}{}, "mine")
			if own := f.take(); own[0] != "mine" {
				t.Errorf("sent with %q, want the operator's own key", own[0])
			}
		})
	}
}
