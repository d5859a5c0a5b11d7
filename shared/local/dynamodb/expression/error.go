package expression

import "fmt"

// Error says why an expression, or a request's parameters of expressions, are refused, in DynamoDB's words.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func errorf(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// invalid refuses an expression. clause is the parameter that it came in.
func invalid(clause, format string, args ...any) *Error {
	return errorf("Invalid %s: %s", clause, fmt.Sprintf(format, args...))
}
