package lambda

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// FunctionError is the failure of a function's own code. Payload is what Lambda answers for it: a JSON object with
// errorMessage and errorType.
type FunctionError struct {
	Type    string // the Go type of the error, without package
	Message string
	Payload []byte
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// APIError is an error of Lambda itself, with the name that AWS gives it.
type APIError struct {
	Code    string
	Message string
	Reason  string // of a TooManyRequestsException
}

func (e *APIError) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name, such as ResourceNotFoundException.
func (e *APIError) ErrorCode() string { return e.Code }

func notFound(function string) error {
	return &APIError{Code: "ResourceNotFoundException", Message: "Function not found: " + function}
}

// TooManyRequests is the code of an invocation that was throttled.
const TooManyRequests = "TooManyRequestsException"

func throttled(reason string) error {
	return &APIError{Code: TooManyRequests, Message: "Rate Exceeded.", Reason: reason}
}

// functionError makes what Lambda answers for a handler's error, by the rules of aws-lambda-go.
func functionError(err error) *FunctionError {
	if e, ok := errors.AsType[*FunctionError](err); ok {
		return e
	}
	if m, ok := errors.AsType[messages.InvokeResponse_Error](err); ok {
		return failure(m.Type, m.Message)
	}
	return failure(typeName(err), err.Error())
}

// What Lambda itself says of an invocation that went wrong.

func timedOut(id string, timeout time.Duration) *FunctionError {
	return failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, timeout.Seconds()))
}

// exited is of a process that ended instead of answering; how is "exit status 1" or "signal: killed".
func exited(id, how string) *FunctionError {
	reason := "Runtime exited with error: " + how
	if how == "exit status 0" {
		reason = "Runtime exited without providing a reason"
	}
	return failure("Runtime.ExitError", "RequestId: "+id+" Error: "+reason)
}

func tooLarge() *FunctionError {
	return failure("Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse))
}

func failure(name, message string) *FunctionError {
	payload, err := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, name})
	if err != nil { // two strings always marshal
		payload = []byte(`{}`)
	}
	return &FunctionError{Type: name, Message: message, Payload: payload}
}

// typeName is the name of a value's type, of what it points to if it is a pointer.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
