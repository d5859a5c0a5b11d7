package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// The codes of what can be wrong with a request as HTTP, beside those of package ops.
const (
	codeMalformed        ops.Code = "malformed" // the body is not JSON
	codeMethodNotAllowed ops.Code = "method_not_allowed"
	codeUnsupportedMedia ops.Code = "unsupported_media_type"
)

// statuses is the HTTP status of each code. What is not here is 500.
var statuses = map[ops.Code]int{
	codeMalformed:              http.StatusBadRequest,
	ops.CodeUnauthenticated:    http.StatusUnauthorized,
	ops.CodeForbidden:          http.StatusForbidden,
	ops.CodeNotFound:           http.StatusNotFound,
	codeMethodNotAllowed:       http.StatusMethodNotAllowed,
	ops.CodeConflict:           http.StatusConflict,
	ops.CodeInProgress:         http.StatusConflict,
	ops.CodeAlreadyDecided:     http.StatusConflict,
	ops.CodeIllegalMove:        http.StatusConflict,
	ops.CodeWorkflowPaused:     http.StatusConflict,
	ops.CodeGone:               http.StatusGone,
	ops.CodePreconditionFailed: http.StatusPreconditionFailed,
	ops.CodeTooLarge:           http.StatusRequestEntityTooLarge,
	codeUnsupportedMedia:       http.StatusUnsupportedMediaType,
	ops.CodeInvalid:            http.StatusUnprocessableEntity,
	ops.CodeThrottled:          http.StatusTooManyRequests,
	ops.CodeInternal:           http.StatusInternalServerError,
	ops.CodeUnavailable:        http.StatusServiceUnavailable,
}

// Status is the HTTP status of a code, as the API answers it.
func Status(code ops.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// problem is every error's body: RFC 9457 with a code for programs, the request's id, and each fault of the input. Its
// type is about:blank, so its title is the status in words; code is what to act on.
type problem struct {
	Type      string      `json:"type" doc:"Always about:blank; act on code."`
	Title     string      `json:"title" doc:"The status in words."`
	Status    int         `json:"status"`
	Code      ops.Code    `json:"code" doc:"What went wrong, in one word for programs."`
	Detail    string      `json:"detail" doc:"What went wrong, for people."`
	RequestID string      `json:"request_id" doc:"Names this request in the logs."`
	Errors    []ops.Fault `json:"errors" doc:"Each fault of the input: where, what was expected, what was there."`
}

func newProblem(ctx context.Context, code ops.Code, detail string, faults []ops.Fault) *problem {
	status := Status(code)
	if faults == nil {
		faults = []ops.Fault{}
	}
	return &problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail,
		RequestID: audit.RequestID(ctx), Errors: faults,
	}
}

// Error makes a problem an error, which huma then writes as it is.
func (p *problem) Error() string { return p.Detail }

// GetStatus gives huma the status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType gives huma the media type.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders gives huma the headers that belong to the code.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Code { //nolint:exhaustive // the others have none
	case ops.CodeUnauthenticated:
		h.Set("WWW-Authenticate", "Bearer")
	case ops.CodeThrottled, ops.CodeUnavailable, ops.CodeInProgress:
		h.Set("Retry-After", "1")
	}
	return h
}

// problemOf makes of an error what a caller may see of it. What is not an ops.Error or a conflict is our defect: it is
// logged here, whole, and the caller gets nothing but the request's id.
func (a *api) problemOf(ctx context.Context, err error) *problem {
	p, known := toldOf(ctx, err)
	switch {
	case !known:
		a.Logger.ErrorContext(ctx, "request failed", "request_id", audit.RequestID(ctx), "error", err)
	case p.Code == ops.CodeUnavailable:
		a.Logger.WarnContext(ctx, "something did not answer", "request_id", audit.RequestID(ctx), "error", err)
	}
	return p
}

// toldOf is what a caller is told of an error; known is false for a defect.
func toldOf(ctx context.Context, err error) (p *problem, known bool) {
	if p, ok := errors.AsType[*problem](err); ok {
		return p, true
	}
	code := ops.ErrorCode(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return newProblem(ctx, ops.CodeUnavailable, "the request was not finished in time", nil), true
	}
	if e, ok := errors.AsType[*ops.Error](err); ok && code != ops.CodeInternal {
		detail := e.Message
		if detail == "" {
			detail = http.StatusText(statuses[code])
		}
		return newProblem(ctx, code, detail, e.Faults), true
	}
	if code == ops.CodeConflict {
		return newProblem(ctx, code, "it was changed by somebody else at the same time; read it again", nil), true
	}
	return internal(ctx), false
}

func internal(ctx context.Context) *problem {
	return newProblem(ctx, ops.CodeInternal, "something went wrong on our side; the request_id leads to it in the logs", nil)
}

// Refuse answers a request outside of the API's own routes as they do, with the problem that err is.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, _ := toldOf(r.Context(), err)
	writeProblem(w, p)
}

// refuse answers with the problem that err is, outside of huma's own writing.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, a.problemOf(r.Context(), err))
}

func writeProblem(w http.ResponseWriter, p *problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // it holds nothing but texts and numbers
	}
	writeJSON(w, p.Status, p.ContentType(""), body)
}
