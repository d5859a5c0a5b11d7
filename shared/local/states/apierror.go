package states

import "fmt"

// APIError is an error with the name that AWS gives it, such as ExecutionDoesNotExist.
type APIError struct {
	Code    string
	Message string
}

func (e *APIError) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name.
func (e *APIError) ErrorCode() string { return e.Code }

func apiError(code, format string, args ...any) *APIError {
	return &APIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *APIError {
	return apiError("ValidationException", format, args...)
}

func errNoExecution(arn string) error {
	return apiError("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
}

func errNoMachine(arn string) error {
	return apiError("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
}

func errWrongType() error {
	return apiError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
}

func errNoActivity(arn string) error {
	return apiError("ActivityDoesNotExist", "Activity Does Not Exist: '%s'", arn)
}
