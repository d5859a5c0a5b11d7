package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// The exit codes besides 0.
const (
	exitFailed   = 1
	exitUsage    = 2 // the command line makes no sense
	exitNotFound = 3
	exitConflict = 4 // it was decided, changed or over before
	exitInvalid  = 5 // the input has faults
)

// exitCode is the exit code for an error.
func exitCode(err error) int {
	switch ops.ErrorCode(err) { //nolint:exhaustive // all others are failures
	case "":
		return 0
	case ops.CodeNotFound:
		return exitNotFound
	case ops.CodeConflict, ops.CodeInProgress, ops.CodeAlreadyDecided, ops.CodeIllegalMove, ops.CodeWorkflowPaused, ops.CodeGone, ops.CodePreconditionFailed:
		return exitConflict
	case ops.CodeInvalid, ops.CodeTooLarge, "malformed", "unsupported_media_type":
		return exitInvalid
	}
	return exitFailed
}

// complain prints an error on one line, and each fault of the input on one more.
func complain(w io.Writer, err error) {
	err = interrupted(err)
	e, ok := errors.AsType[*ops.Error](err)
	if !ok || len(e.Faults) == 0 {
		fmt.Fprintln(w, "opsflow:", printable(err.Error()))
		return
	}
	noun := "fault"
	if len(e.Faults) > 1 {
		noun = "faults"
	}
	fmt.Fprintf(w, "opsflow: %s: %d %s\n", printable(e.Message), len(e.Faults), noun)
	for _, f := range e.Faults {
		fmt.Fprintln(w, " ", printable(faultText(f)))
	}
}

// complainJSON prints an error as a problem document: the API's own, or one of the same form.
func complainJSON(w io.Writer, err error) {
	text, failed := json.Marshal(problemOf(interrupted(err)))
	if r, ok := errors.AsType[*apiError](err); ok {
		text = bytes.TrimSpace(r.document)
	}
	var indented bytes.Buffer
	if failed != nil || json.Indent(&indented, text, "", "  ") != nil {
		complain(w, err)
		return
	}
	fmt.Fprintln(w, indented.String())
}

// problem is the document of an error that the API did not tell.
type problem struct {
	Type   string      `json:"type"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Code   ops.Code    `json:"code"`
	Detail string      `json:"detail"`
	Errors []ops.Fault `json:"errors"`
}

func problemOf(err error) problem {
	code := ops.ErrorCode(err)
	p := problem{Type: "about:blank", Status: httpapi.Status(code), Code: code, Detail: err.Error(), Errors: []ops.Fault{}}
	p.Title = http.StatusText(p.Status)
	if e, ok := errors.AsType[*ops.Error](err); ok && len(e.Faults) > 0 {
		p.Detail, p.Errors = e.Message, e.Faults
	}
	return p
}

// interrupted says in a word that somebody ended the command.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

func faultText(f ops.Fault) string {
	if f.Problem != "" {
		return f.Path + ": " + f.Words()
	}
	text := f.Path + ": expected " + f.Expected
	if f.Got != "" {
		text += ", got " + f.Got
	}
	return text
}
