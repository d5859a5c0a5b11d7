package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/constraint"
	"opsflow/shared/local/paging"
)

// maxBody is the largest request: one mebibyte of detail can be six times as long as a JSON string.
const maxBody = 8 << 20

// operation is one call of the API: the answer is encoded as JSON (nil: no body).
type operation func(ctx context.Context, e *Engine, body []byte) (any, error)

// decode reads a request's body into v.
func decode(body []byte, v any) error {
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &Error{"SerializationException", "The request is not valid: " + err.Error()}
	}
	return nil
}

// typed makes an operation of a function with a request type.
func typed[T any](f func(ctx context.Context, e *Engine, in T) (any, error)) operation {
	return func(ctx context.Context, e *Engine, body []byte) (any, error) {
		var in T
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		return f(ctx, e, in)
	}
}

// Handler serves EventBridge's API (AWS JSON 1.1: POST with X-Amz-Target: AWSEvents.<operation>). Signatures are not
// verified.
func Handler(e *Engine) http.Handler {
	operations := operations()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, name := awsjson.Target(r)
		op := operations[name]
		if service != awsjson.EventBridge || op == nil {
			writeError(w, e, &Error{"UnknownOperationException", "Unknown operation " + service + "." + name})
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			writeError(w, e, &Error{"RequestEntityTooLargeException", "The request body could not be read: " + err.Error()})
			return
		}
		out, err := op(r.Context(), e, body)
		if err != nil {
			writeError(w, e, err)
			return
		}
		awsjson.Answer(w, awsjson.Version11, http.StatusOK, out)
	})
}

func writeError(w http.ResponseWriter, e *Engine, err error) {
	status := http.StatusBadRequest
	known, ok := errors.AsType[*Error](err)
	if !ok {
		e.o.Logger.Error("event API", "error", err)
		known = &Error{"InternalException", "This exception occurs due to unexpected causes."}
		status = http.StatusInternalServerError
	}
	w.Header().Set("X-Amzn-Errortype", known.Code)
	awsjson.Refuse(w, awsjson.Version11, status, known.Code, known.Message)
}

// page cuts a list for Limit and NextToken.
func page[T any](all []T, name func(*T) string, limit int, token string) (part []T, next string, err error) {
	limit = cmp.Or(limit, 100)
	var f constraint.Faults
	if f.Range("limit", limit, 1, 100); f != nil {
		return nil, "", broken(f)
	}
	part, next, ok := paging.Cut(all, name, limit, token)
	if !ok {
		return nil, "", invalid("Parameter NextToken is not valid.")
	}
	return part, next, nil
}
