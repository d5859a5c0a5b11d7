package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Limits of a payload, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxPayload      = 6 << 20
	maxAsyncPayload = 1 << 20
)

// Handler serves Lambda's Invoke (POST /2015-03-31/functions/{name}/invocations) for the functions of a registry: the
// invocation types RequestResponse, Event and DryRun. Other functions are asked for at fallback, the URL of another
// Lambda endpoint, if it is not nil.
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
	return mux
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
	limit := int64(maxPayload)
	if kind == "Event" {
		limit = maxAsyncPayload
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			fail(w, http.StatusRequestEntityTooLarge, &APIError{"RequestTooLargeException", "Request must be smaller than the limit"})
			return
		}
		fail(w, http.StatusBadRequest, &APIError{"InvalidRequestContentException", "Could not read the request body"})
		return
	}
	if len(bytes.TrimSpace(payload)) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) {
		fail(w, http.StatusBadRequest, &APIError{"InvalidRequestContentException", "Could not parse request body into json"})
		return
	}
	switch kind {
	case "", "RequestResponse":
		h.wait(w, req, function, payload)
	case "Event":
		if err := h.registry.InvokeAsync(req.Context(), function, payload); err != nil {
			fail(w, statusOf(err), err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		if _, err := h.registry.find(function); err != nil {
			fail(w, statusOf(err), err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, http.StatusBadRequest, &APIError{
			"InvalidParameterValueException",
			"invocation type must be RequestResponse, Event or DryRun, got " + kind,
		})
	}
}

func (h *handler) wait(w http.ResponseWriter, req *http.Request, function string, payload []byte) {
	out, failed, err := h.registry.Invoke(req.Context(), function, payload)
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	if failed != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out = failed.Payload
	}
	_, _ = w.Write(out) //nolint:gosec // JSON, and so declared; nobody is left to tell of an error
}

func statusOf(err error) int {
	if e, ok := errors.AsType[*APIError](err); ok && e.Code == "ResourceNotFoundException" {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// fail answers with an error as Lambda's REST-JSON protocol spells it.
func fail(w http.ResponseWriter, status int, err error) {
	code, message := "ServiceException", err.Error()
	if e, ok := errors.AsType[*APIError](err); ok {
		code, message = e.Code, e.Message
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	body, err := json.Marshal(map[string]string{"Type": "User", "Message": message})
	if err == nil {
		_, _ = w.Write(body) // nobody is left to tell of an error
	}
}
