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
	next   chan *task
	polled chan struct{} // gets one when the process asks for something to do; has room for one
	ended  chan struct{} // closed when the process has ended

	mu      sync.Mutex
	current *task
	failed  *FunctionError // why it could not start, as it told; nil: it did not
}

// task is an invocation in the hands of a process.
type task struct {
	*invocation

	deadline time.Time
	answer   chan outcome // has room for one
}

// outcome is what came of an invocation: an answer, the function's failure, or an error of ours.
type outcome struct {
	payload []byte
	failed  *FunctionError
	err     error
}

func (o outcome) result() ([]byte, error) {
	if o.failed != nil {
		return nil, o.failed
	}
	return o.payload, o.err
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
	s := &sandbox{next: make(chan *task), polled: make(chan struct{}, 1), ended: make(chan struct{})}
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
	case s.polled <- struct{}{}:
	default: // it asks again, having asked before
	}
	select {
	case t := <-s.next:
		s.mu.Lock()
		s.current = t
		s.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", t.id)
		h.Set("Lambda-Runtime-Invoked-Function-Arn", t.function.ARN)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(t.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Trace-Id", t.trace)
		if t.client != "" {
			h.Set("Lambda-Runtime-Client-Context", t.client)
		}
		_, _ = w.Write(t.payload) // a process that is gone is noticed by its end
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	_, large := errors.AsType[*http.MaxBytesError](err)
	if err != nil && !large {
		http.Error(w, `{"errorType":"InvalidRequest"}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	t := s.current
	s.current = nil
	s.mu.Unlock()
	if t == nil || t.id != r.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	if large {
		t.answer <- outcome{failed: tooLarge()}
		http.Error(w, `{"errorType":"RequestEntityTooLarge"}`, http.StatusRequestEntityTooLarge)
		return
	}
	t.answer <- out(body)
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) serveResponse(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte) outcome { return outcome{payload: body} })
}

func (a *runtimeAPI) serveError(w http.ResponseWriter, r *http.Request) {
	a.finish(w, r, func(body []byte) outcome { return outcome{failed: told(body)} })
}

// told reads an error as a runtime tells it.
func told(body []byte) *FunctionError {
	var e struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return failure("Runtime.InvalidError", err.Error())
	}
	return &FunctionError{Type: e.Type, Message: e.Message, Payload: body}
}

// serveInitError takes note that a process could not start; it ends after that.
func (a *runtimeAPI) serveInitError(w http.ResponseWriter, r *http.Request) {
	s := a.sandbox(r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if s == nil || err != nil {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	s.failed = told(body)
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// initError is why the process could not start, if it told.
func (s *sandbox) initError() *FunctionError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}
