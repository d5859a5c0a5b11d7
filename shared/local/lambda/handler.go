package lambda

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// Limits of a payload, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. An asynchronous one
// may have 1 MiB since October 2025; an answer may have the 100 bytes more that AWS's own message names.
const (
	maxPayload      = 6 << 20
	maxAsyncPayload = 1 << 20
	maxResponse     = maxPayload + 100
)

// Handler serves Lambda's Invoke for the functions of a registry, of the invocation types RequestResponse, Event and DryRun, and
// what tells of them: ListFunctions, GetFunction, GetFunctionConfiguration and GetFunctionConcurrency. Invoke of another function is
// sent to fallback, the URL of another Lambda endpoint, if it is not nil.
func Handler(r *Registry, fallback *url.URL) http.Handler {
	h := &handler{registry: r}
	if fallback != nil {
		h.fallback = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(fallback)
			p.Out.Host = fallback.Host
		}}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", h.invoke)
	mux.HandleFunc("GET /2015-03-31/functions", h.list) // some clients end it with a slash
	mux.HandleFunc("GET /2015-03-31/functions/{$}", h.list)
	mux.HandleFunc("GET /2015-03-31/functions/{name}", h.describe(whole))
	mux.HandleFunc("GET /2015-03-31/functions/{name}/configuration", h.describe(func(f Function) any { return configurationOf(f) }))
	mux.HandleFunc("GET /2019-09-30/functions/{name}/concurrency", h.describe(concurrencyOf))
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		fail(w, &APIError{Code: "UnknownOperationException", Message: "Unknown operation: " + req.Method + " " + req.URL.Path})
	})
	return mux
}

// Serves reports whether a path is one of Lambda's: they begin with the day of an API's version.
func Serves(path string) bool {
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return rest == "functions" || strings.HasPrefix(rest, "functions/")
}

type handler struct {
	registry *Registry
	fallback http.Handler
}

func (h *handler) invoke(w http.ResponseWriter, req *http.Request) {
	function := req.PathValue("name")
	if h.fallback != nil && !h.registry.Has(function) {
		h.fallback.ServeHTTP(w, req)
		return
	}
	id := requestID()
	w.Header().Set("X-Amzn-Requestid", id)
	kind := req.Header.Get("X-Amz-Invocation-Type")
	payload, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxPayload))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			fail(w, &APIError{Code: tooLargeCode, Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", maxPayload)})
			return
		}
		fail(w, &APIError{Code: "InvalidRequestContentException", Message: "Could not read the request body"})
		return
	}
	if kind == "Event" && len(payload) > maxAsyncPayload {
		fail(w, &APIError{Code: tooLargeCode, Message: fmt.Sprintf(
			"%d byte payload is too large for the Event invocation type (limit %d bytes)", len(payload), maxAsyncPayload)})
		return
	}
	if len(bytes.TrimSpace(payload)) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) {
		fail(w, &APIError{Code: "InvalidRequestContentException", Message: "Could not parse request body into json"})
		return
	}
	switch kind {
	case "", "RequestResponse":
		h.wait(w, req, function, payload)
	case "Event":
		if err := h.registry.InvokeAsync(req.Context(), function, payload); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		if _, _, err := h.registry.find(function); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, &APIError{
			Code:    invalidParameter,
			Message: "invocation type must be RequestResponse, Event or DryRun, got " + kind,
		})
	}
}

func (h *handler) wait(w http.ResponseWriter, req *http.Request, function string, payload []byte) {
	client, err := base64.StdEncoding.DecodeString(req.Header.Get("X-Amz-Client-Context"))
	if err != nil || len(client) > 0 && !json.Valid(client) {
		fail(w, &APIError{Code: "InvalidRequestContentException", Message: "Client context must be a valid Base64-encoded JSON object."})
		return
	}
	in := &invocation{
		payload: payload, client: string(client), trace: req.Header.Get("X-Amzn-Trace-Id"),
		said: &transcript{keep: req.Header.Get("X-Amz-Log-Type") == "Tail"},
	}
	out, failed, err := h.registry.invoke(req.Context(), function, in)
	if err != nil {
		fail(w, err)
		return
	}
	if in.id != "" {
		w.Header().Set("X-Amzn-Requestid", in.id)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	if in.said.keep {
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(in.said.end()))
	}
	if failed != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out = failed.Payload
	}
	_, _ = w.Write(out) //nolint:gosec // JSON, and so declared; nobody is left to tell of an error
}

const (
	tooLargeCode     = "RequestEntityTooLargeException"
	invalidParameter = "InvalidParameterValueException"
)

// statuses are those of Lambda's errors that are not the caller's bad request.
var statuses = map[string]int{
	"ResourceNotFoundException": http.StatusNotFound,
	tooLargeCode:                http.StatusRequestEntityTooLarge,
	TooManyRequests:             http.StatusTooManyRequests,
	"ServiceException":          http.StatusInternalServerError,
}

// fail answers with an error as Lambda's REST-JSON protocol spells it.
func fail(w http.ResponseWriter, err error) {
	known := &APIError{Code: "ServiceException", Message: err.Error()}
	errors.As(err, &known)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", known.Code)
	w.WriteHeader(cmp.Or(statuses[known.Code], http.StatusBadRequest))
	kind := "User"
	if known.Code == "ServiceException" {
		kind = "Service"
	}
	body, err := json.Marshal(struct {
		Reason  string `json:",omitempty"`
		Type    string
		Message string
	}{known.Reason, kind, known.Message})
	if err == nil {
		_, _ = w.Write(body) // nobody is left to tell of an error
	}
}
