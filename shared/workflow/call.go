package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// callOutput is the output of an api_call step.
type callOutput struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"`
	Large  bool            `json:"large,omitempty"` // the answer was over ops.MaxAPIResponse: its body is left out
}

// call carries out an api_call step once. It goes out before the step is recorded, under a key that is the same for each
// repeat; what it came to is stored at once, so that a crash repeats as little as possible.
func (r *run) call(ctx context.Context, s *planned) (ActionResult, error) {
	request, err := r.request(ctx, s)
	if err != nil {
		return ActionResult{}, err
	}
	ctx, cancel := inTime(ctx)
	defer cancel()
	answer, err := r.Caller.Call(ctx, request)
	r.flushed = time.Time{}
	if err != nil {
		return ActionResult{}, err
	}
	return ActionResult{Output: callOutput{Status: answer.Status, Body: answer.Body, Large: answer.Large}}, nil
}

// request fills in what a step's call is. Its errors are no matter of time.
func (r *run) request(ctx context.Context, s *planned) (ops.APIRequest, error) {
	wrong := func(format string, args ...any) (ops.APIRequest, error) {
		return ops.APIRequest{}, &ops.CallError{Err: fmt.Errorf(format, args...)}
	}
	call := s.Call()
	if call == nil {
		return wrong("the step has no call")
	}
	if r.Caller == nil {
		return wrong("nothing here can call other systems")
	}
	c, err := r.Store.Connection(ctx, call.Connection)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound:
		return wrong("there is no connection %q", call.Connection)
	case err != nil:
		return ops.APIRequest{}, &Unavailable{Err: fmt.Errorf("read connection %s: %w", call.Connection, err)}
	}
	doc, err := r.doc(ctx)
	if err != nil {
		return ops.APIRequest{}, err
	}
	r.given(s.Step, doc)
	request := ops.APIRequest{Connection: c, Method: call.Method, Path: call.Path, Key: r.effectKey(s.ID, 0)}
	parameters := rule.ResolveAll(s.Parameters, doc)
	for _, name := range call.Placeholders() {
		word := shownValue(parameters[name])
		if word == "" || word == "." || word == ".." {
			return wrong("there is no text or number for {%s} of the path %s", name, call.Path)
		}
		request.Path = strings.ReplaceAll(request.Path, "{"+name+"}", url.PathEscape(word))
	}
	for name, v := range rule.ResolveAll(call.Query, doc) {
		if request.Query == nil {
			request.Query = map[string]string{}
		}
		if request.Query[name] = shownValue(v); request.Query[name] == "" {
			request.Query[name] = string(v) // true or false
		}
	}
	if len(call.Body) > 0 {
		body, ok := rule.Resolve(call.Body, doc)
		if !ok {
			return wrong("there is nothing at %s", call.Body)
		}
		request.Body = body
	}
	return request, nil
}

// callFailure is how a step failed whose call came to nothing.
func callFailure(err error) (failure ops.StepError, again bool, after time.Duration) {
	failure = ops.StepError{Code: "action_failed", Message: err.Error()}
	failed, ok := errors.AsType[*ops.CallError](err)
	if !ok {
		return failure, true, 0
	}
	failure.Code = "call_failed"
	if failed.Status != 0 {
		failure.Code = "call_failed_" + strconv.Itoa(failed.Status)
	}
	return failure, failed.Again, failed.After
}
