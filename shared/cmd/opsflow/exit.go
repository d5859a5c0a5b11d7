package main

import (
	"context"
	"errors"
	"fmt"
	"io"

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
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
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
