package states

import (
	"fmt"
	"slices"

	"opsflow/shared/local/states/value"
)

// Error names that Step Functions itself gives (Amazon States Language, appendix A, and the developer guide).
const (
	errAll                 = "States.ALL"
	errTaskFailed          = "States.TaskFailed"
	errTimeout             = "States.Timeout"
	errHeartbeatTimeout    = "States.HeartbeatTimeout"
	errRuntime             = "States.Runtime"
	errDataLimit           = "States.DataLimitExceeded"
	errIntrinsic           = "States.IntrinsicFailure"
	errNoChoice            = "States.NoChoiceMatched"
	errResultPath          = "States.ResultPathMatchFailure"
	errToleratedExceeded   = "States.ExceedToleratedFailureThreshold"
	errItemReader          = "States.ItemReaderFailed"
	errResultWriter        = "States.ResultWriterFailed"
	causeToleratedExceeded = "The specified tolerated failure threshold was exceeded"
)

// failure is how a state fails. It implements error so that the evaluating code can return it.
type failure struct {
	Name  string
	Cause string
	// task says that the failure came from a task's work, which States.TaskFailed matches.
	task bool
	// plain leaves the cause as it is; others get told in which state they happened.
	plain bool
	// noError and noCause: a Fail state without them.
	noError, noCause bool
}

func (f *failure) Error() string { return f.Name + ": " + f.Cause }

// runtimeFailure is a failure that no retrier and no catcher handles.
func runtimeFailure(format string, args ...any) *failure {
	return &failure{Name: errRuntime, Cause: fmt.Sprintf(format, args...)}
}

func newFailure(name, format string, args ...any) *failure {
	return &failure{Name: name, Cause: fmt.Sprintf(format, args...)}
}

// fatal failures end the execution whatever the definition says.
func (f *failure) fatal() bool { return f.Name == errRuntime }

// matchedBy reports whether a retrier's or catcher's ErrorEquals names this failure.
func (f *failure) matchedBy(names []string) bool {
	for _, name := range names {
		switch {
		case name == errAll: // AWS's guide exempts States.DataLimitExceeded; recorded executions show that it is caught
			return true
		case name == f.Name:
			return true
		case name == errTaskFailed && f.task && f.Name != errTimeout && f.Name != errHeartbeatTimeout:
			return true
		case name == errTimeout && f.Name == errHeartbeatTimeout:
			return true
		}
	}
	return false
}

// output is what a catcher puts into the data: Error and Cause.
func (f *failure) output() *value.Object {
	o := value.NewObject(2)
	if !f.noError {
		o.Set("Error", f.Name)
	}
	if !f.noCause {
		o.Set("Cause", f.Cause)
	}
	return o
}

// details is the failure as history events and descriptions show it.
func (f *failure) details() map[string]any {
	d := map[string]any{}
	if !f.noError {
		d["error"] = f.Name
	}
	if !f.noCause {
		d["cause"] = f.Cause
	}
	return d
}

// findRetrier gives the index of the first retrier that names the failure, or -1.
func findRetrier(retriers []retrier, f *failure) int {
	return slices.IndexFunc(retriers, func(r retrier) bool { return f.matchedBy(r.errors) })
}
