package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Code is what went wrong in one word that a program can act on. It travels unchanged to API callers; the one
// table from codes to HTTP statuses is in httpapi.
type Code string

// The codes that a caller can meet.
const (
	CodeInvalid            Code = "invalid"             // the input breaks a rule; Faults says which, where and what was expected
	CodeUnauthenticated    Code = "unauthenticated"     // no token, or one that does not verify
	CodeForbidden          Code = "forbidden"           // the caller's teams may not do this
	CodeNotFound           Code = "not_found"           // nothing has this id
	CodeConflict           Code = "conflict"            // somebody else wrote the record first, or it exists already
	CodeInProgress         Code = "in_progress"         // the same request, under its Idempotency-Key, is being carried out
	CodeAlreadyDecided     Code = "already_decided"     // the task was decided before; the message names by whom and how
	CodeIllegalMove        Code = "illegal_move"        // the record's status does not allow this move
	CodeWorkflowPaused     Code = "workflow_paused"     // the task's workflow is paused
	CodePreconditionFailed Code = "precondition_failed" // the record is not the version that the change was made to
	CodeGone               Code = "gone"                // the task or offer has expired
	CodeTooLarge           Code = "too_large"           // over a size limit
	CodeThrottled          Code = "throttled"           // too many requests; the same call may succeed later
	CodeUnavailable        Code = "unavailable"         // a service we need did not answer; the same call may succeed later
	CodeInternal           Code = "internal"            // a defect of ours: logged whole, shown to nobody
)

// Fault is one thing that is wrong with an input.
type Fault struct {
	Path     string `json:"path"`     // JSON path from the input's root, "$.detail.booking_id"
	Expected string `json:"expected"` // what would have been right, in words
	Got      string `json:"got"`      // what was there: as JSON, shortened; or "nothing", or in words
	// Problem says what is wrong, where what was expected does not: "unknown field; did you mean timeout?".
	Problem string `json:"problem,omitempty"`
}

// Words tells what is wrong, without where.
func (f Fault) Words() string {
	words, got := "must be "+f.Expected, ", got "+f.Got
	if f.Problem != "" {
		words, got = f.Problem, " (it is "+f.Got+")"
	}
	if f.Got == "" {
		got = ""
	}
	return words + got
}

// Shown is a value as a fault shows it.
func Shown(v any) string {
	if v == nil {
		return "null"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "a value that is not JSON"
	}
	const limit = 80
	if len(b) > limit {
		return strings.ToValidUTF8(string(b[:limit]), "") + "..."
	}
	return string(b)
}

// Error is an error that a caller may see. Errors of any other type are CodeInternal.
type Error struct {
	Code    Code
	Message string
	Faults  []Fault
	err     error
}

func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Code)
	}
	for i, f := range e.Faults {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		s += sep + f.Path + " " + f.Words()
	}
	return s
}

// Unwrap gives the cause that Errorf was given with %w, if any.
func (e *Error) Unwrap() error { return e.err }

// Errorf makes an error with a code. A cause given with %w stays reachable.
func Errorf(code Code, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), err: errors.Unwrap(err)}
}

// Invalid makes a CodeInvalid error of the faults found in what (e.g. "template", "rule"); nil when there are none.
func Invalid(what string, faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Message: "invalid " + what, Faults: faults}
}

// ErrorCode gives the code of err: "" for nil, CodeInternal for errors that are not ours.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if _, ok := errors.AsType[*Conflict](err); ok {
		return CodeConflict
	}
	return CodeInternal
}

// Conflict says that a Save wrote nothing because some of its records were not as expected: changed or created by
// somebody else since they were read, or, for a Counter, already at its maximum.
type Conflict struct {
	Lost []Ref
}

func (c *Conflict) Error() string {
	names := make([]string, len(c.Lost))
	for i, r := range c.Lost {
		names[i] = r.String()
	}
	return "written by somebody else first: " + strings.Join(names, ", ")
}

// Has reports whether the record that ref names is among those that lost.
func (c *Conflict) Has(ref Ref) bool {
	for _, r := range c.Lost {
		if r == ref {
			return true
		}
	}
	return false
}

// AsConflict gives the Conflict in err, or nil.
func AsConflict(err error) *Conflict {
	c, _ := errors.AsType[*Conflict](err)
	return c
}
