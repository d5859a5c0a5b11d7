package events

import "fmt"

// Error is an error with the name that AWS gives it.
type Error struct {
	Code    string // "ResourceNotFoundException"
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name.
func (e *Error) ErrorCode() string { return e.Code }

func notFound(format string, args ...any) error {
	return &Error{"ResourceNotFoundException", fmt.Sprintf(format, args...)}
}

func exists(format string, args ...any) error {
	return &Error{"ResourceAlreadyExistsException", fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &Error{"ValidationException", fmt.Sprintf(format, args...)}
}

func noBus(name string) error { return notFound("Event bus %s does not exist.", name) }

func noRule(name, bus string) error {
	return notFound("Rule %s does not exist on EventBus %s.", name, bus)
}
