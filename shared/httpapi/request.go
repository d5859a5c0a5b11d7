package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// ServeHTTP names the request, finds its route, and answers what has none, or what panics, as a problem.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := a.nameRequest(r.Header.Get("X-Request-Id"))
	r = r.WithContext(audit.WithRequestID(r.Context(), id))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	out := &answer{ResponseWriter: w}
	defer func() {
		if v := recover(); v != nil {
			a.recovered(out, r, v)
		}
	}()
	if handler, pattern := a.mux.Handler(r); pattern == "" {
		NoRoute(out, r, handler)
		return
	}
	a.mux.ServeHTTP(out, r)
}

// nameRequest takes over the caller's name for a request if it can stand in a log, and makes one otherwise.
func (a *api) nameRequest(given string) (string, error) {
	if ops.ValidID(given) {
		return given, nil
	}
	id, err := a.randomID("req-")
	if err != nil {
		return "", fmt.Errorf("name the request: %w", err)
	}
	return id, nil
}

func (a *api) randomID(prefix string) (string, error) {
	a.randomMu.Lock()
	defer a.randomMu.Unlock()
	return ops.RandomID(prefix, a.Random)
}

// answer knows whether anything was sent yet, and can hold it back.
type answer struct {
	http.ResponseWriter
	begun bool
	held  *heldAnswer // nil: it is sent as it is written
}

func (w *answer) WriteHeader(status int) {
	if w.held != nil {
		w.held.status = status
		return
	}
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *answer) Write(b []byte) (int, error) {
	if w.held != nil {
		return w.held.body.Write(b)
	}
	w.begun = true
	return w.ResponseWriter.Write(b)
}

func (a *api) recovered(w *answer, r *http.Request, v any) {
	a.Logger.ErrorContext(r.Context(), "request panicked", "request_id", audit.RequestID(r.Context()),
		"method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if w.begun { // nothing but breaking off can tell the caller now
		panic(http.ErrAbortHandler)
	}
	w.held = nil
	writeProblem(w, internal(r.Context()))
}

// NoRoute answers what a mux has no handler for, as a problem. Only the mux's own answer tells a wrong method, and which are
// right.
func NoRoute(w http.ResponseWriter, r *http.Request, muxAnswer http.Handler) {
	probe := &muxProbe{header: http.Header{}}
	muxAnswer.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		Refuse(w, r, ops.Errorf(codeMethodNotAllowed, "%s is not allowed on %s; allowed: %s", r.Method, r.URL.Path, allow))
		return
	}
	Refuse(w, r, ops.Errorf(ops.CodeNotFound, "there is nothing at %s", r.URL.Path))
}

// muxProbe takes an answer's status and headers, and drops the rest.
type muxProbe struct {
	header http.Header
	status int
}

func (p *muxProbe) Header() http.Header         { return p.header }
func (p *muxProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *muxProbe) WriteHeader(status int)      { p.status = status }

// readBody is the middleware that reads a request's body before huma does: the size, the media type and whether it is
// JSON at all are told apart here, the same for every operation.
func (a *api) readBody(hc huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hc)
	if r.Body == nil || r.Method == http.MethodGet || r.Method == http.MethodHead {
		next(hc)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			err = ops.Errorf(ops.CodeTooLarge, "the body is larger than %d bytes", MaxBody)
		} else {
			err = ops.Errorf(codeMalformed, "the body could not be read: %w", err)
		}
		a.refuse(w, r, err)
		return
	}
	if len(body) > 0 {
		if err := checkJSON(r.Header.Get("Content-Type"), body); err != nil {
			a.refuse(w, r, err)
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	next(hc)
}

func checkJSON(contentType string, body []byte) error {
	if contentType != "" {
		media, _, err := mime.ParseMediaType(contentType)
		if err != nil || media != "application/json" {
			return ops.Errorf(codeUnsupportedMedia, "the body must be application/json, got %s", ops.Shown(contentType))
		}
	}
	if !utf8.Valid(body) {
		return ops.Errorf(codeMalformed, "the body is not JSON: it is not in UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		if at, ok := errors.AsType[*json.SyntaxError](err); ok {
			return ops.Errorf(codeMalformed, "the body is not JSON: %s at byte %d", at.Error(), at.Offset)
		}
		return ops.Errorf(codeMalformed, "the body is not JSON: %w", err)
	}
	return checkNumbers(body)
}

// checkNumbers refuses numbers that don't fit in a double, which huma would call a failure without a place.
func checkNumbers(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var whole any
	if err := d.Decode(&whole); err != nil {
		return ops.Errorf(codeMalformed, "the body is not JSON: %w", err)
	}
	return ops.Invalid("request", hugeNumbers(whole, "$", nil))
}

func hugeNumbers(v any, path string, faults []ops.Fault) []ops.Fault {
	const enough = 20 // more faults help nobody
	if len(faults) >= enough {
		return faults
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			faults = hugeNumbers(v[name], path+"."+name, faults)
		}
	case []any:
		for i, member := range v {
			faults = hugeNumbers(member, path+"["+strconv.Itoa(i)+"]", faults)
		}
	case json.Number:
		if _, err := v.Float64(); err != nil {
			faults = append(faults, ops.Fault{Path: path, Expected: "a number of less than 1E+309", Got: ops.Shown(v.String())})
		}
	}
	return faults
}
