package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// runtimeAPI is the Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Each process has a
// path of its own, so that a request says which process it comes from.
type runtimeAPI struct {
	address string // host:port
	server  *http.Server

	mu        sync.Mutex
	sandboxes map[string]*sandbox
}

// sandbox is the wire to one process.
type sandbox struct {
	next  chan invocation
	ended chan struct{} // closed when the process has ended

	mu      sync.Mutex
	current *invocation
}

type invocation struct {
	id       string
	arn      string
	deadline time.Time
	payload  []byte
	answer   chan outcome // has room for one
}

type outcome struct {
	payload []byte
	failed  *FunctionError
}

func (o outcome) result() ([]byte, error) {
	if o.failed != nil {
		return nil, o.failed
	}
	return o.payload, nil
}

func newRuntimeAPI(ctx context.Context) (*runtimeAPI, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the runtime API: %w", err)
	}
	a := &runtimeAPI{address: l.Addr().String(), sandboxes: map[string]*sandbox{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{sandbox}/2018-06-01/runtime/invocation/next", a.serveNext)
	mux.HandleFunc("POST /{sandbox}/2018-06-01/runtime/invocation/{id}/response", a.serveResponse)
	mux.HandleFunc("POST /{sandbox}/2018-06-01/runtime/invocation/{id}/error", a.serveError)
	mux.HandleFunc("POST /{sandbox}/2018-06-01/runtime/init/error", a.serveInitError)
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = a.server.Serve(l) }() // ends with shutdown
	return a, nil
}

func (a *runtimeAPI) shutdown(ctx context.Context) error {
	if err := a.server.Shutdown(ctx); err != nil {
		return errors.Join(err, a.server.Close())
	}
	return nil
}

func (a *runtimeAPI) open(id string) *sandbox {
	s := &sandbox{next: make(chan invocation), ended: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sandboxes[id] = s
	return s
}

func (a *runtimeAPI) close(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.sandboxes[id]; s != nil {
		close(s.ended)
		delete(a.sandboxes, id)
	}
}

func (a *runtimeAPI) sandbox(r *http.Request) *sandbox {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sandboxes[r.PathValue("sandbox")]
}

// serveNext holds the process until there is something to do.
func (a *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	s := a.sandbox(r)
	if s == nil {
		http.NotFound(w, r)
		return
	}
	select {
	case in := <-s.next:
		s.mu.Lock()
		s.current = &in
		s.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
		h.Set("Lambda-Runtime-Invoked-Function-Arn", in.arn)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
		_, _ = w.Write(in.payload) // a process that is gone is noticed by its end
	case <-s.ended:
	case <-r.Context().Done():
	}
}

// finish hands over the answer to the invocation that the process works on.
func (a *runtimeAPI) finish(w http.ResponseWriter, r *http.Request, out func([]byte) outcome) {
	s := a.sandbox(r)
	if s == nil {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload+1<<10))
	if err != nil {
		http.Error(w, `{"errorType":"RequestEntityTooLarge"}`, http.StatusRequestEntityTooLarge)
		return
	}
	s.mu.Lock()
	in := s.current
	s.current = nil
	s.mu.Unlock()
	if in == nil || in.id != r.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	in.answer <- out(body)
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) serveResponse(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte) outcome { return outcome{payload: body} })
}

func (a *runtimeAPI) serveError(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte) outcome {
		var e struct {
			Message string `json:"errorMessage"`
			Type    string `json:"errorType"`
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return outcome{failed: failure("Runtime.InvalidError", err.Error())}
		}
		return outcome{failed: &FunctionError{Type: e.Type, Message: e.Message, Payload: body}}
	})
}

// serveInitError takes note that a process could not start; its end tells the rest.
func (*runtimeAPI) serveInitError(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusAccepted)
}
