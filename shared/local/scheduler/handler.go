package scheduler

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/paging"
)

const maxBody = 1 << 20

// Serves reports whether a path is one of the scheduler's API.
func Serves(path string) bool {
	for _, begin := range []string{"/schedules", "/schedule-groups", "/tags/arn:aws:scheduler:"} {
		if rest, ok := strings.CutPrefix(path, begin); ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(begin, ":")) {
			return true
		}
	}
	return false
}

// operation is one call of the API: the answer is encoded as JSON.
type operation func(r *http.Request, e *Engine, body []byte) (any, error)

// Handler serves EventBridge Scheduler's REST API. Signatures are not verified.
func Handler(e *Engine) http.Handler {
	mux := http.NewServeMux()
	for route, op := range operations() {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err != nil {
				answer(w, e, nil, invalid("The request body could not be read: %s", err))
				return
			}
			out, err := op(r, e, body)
			answer(w, e, out, err)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, e, nil, &Error{"UnknownOperationException", "EventBridge Scheduler has no " + r.Method + " " + r.URL.Path, http.StatusNotFound})
	})
	return mux
}

func answer(w http.ResponseWriter, e *Engine, out any, err error) {
	status := http.StatusOK
	if err != nil {
		known, ok := errors.AsType[*Error](err)
		if !ok {
			e.o.Logger.Error("scheduler API", "error", err)
			known = &Error{"InternalServerException", "Unexpected error encountered while processing the request.", http.StatusInternalServerError}
		}
		status, out = known.status, map[string]string{"Message": known.Message}
		w.Header().Set("X-Amzn-Errortype", known.Code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(mustJSON(out)) // the client may be gone
}

// mustJSON is for answers and records, which are made of types that JSON can always hold.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return b
}

// page cuts a list as a request asks for it.
func page[T any](r *http.Request, all []T, key func(*T) string) (part []T, next string, err error) {
	limit := 100
	if text := r.URL.Query().Get("MaxResults"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil {
			return nil, "", &Error{"SerializationException", "MaxResults must be a number, got " + text, http.StatusBadRequest}
		}
		var f constraint.Faults
		if f.Range("maxResults", limit, 1, 100); f != nil {
			return nil, "", invalid("%s", f.Text())
		}
	}
	part, next, ok := paging.Cut(all, key, limit, r.URL.Query().Get("NextToken"))
	if !ok {
		return nil, "", invalid("Invalid NextToken.")
	}
	return part, next, nil
}

func decode(body []byte, v any) error {
	if err := json.Unmarshal([]byte(cmp.Or(string(body), "{}")), v); err != nil {
		return &Error{"SerializationException", "The request is not valid: " + err.Error(), http.StatusBadRequest}
	}
	return nil
}
