package dynamodb

import (
	"errors"
	"fmt"
	"net/http"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
	"opsflow/shared/table"
)

// fault is an error in DynamoDB's words.
type fault struct {
	code    string
	message string
	members object // further members of the answer
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func (f *fault) status() int {
	switch f.code {
	case "InternalServerError":
		return http.StatusInternalServerError
	case "RequestEntityTooLarge":
		return http.StatusRequestEntityTooLarge
	default:
		return http.StatusBadRequest
	}
}

// space is the namespace of an error: those of AWS's framework have others than the service's own.
func (f *fault) space() string {
	switch f.code {
	case validationException:
		return "com.amazon.coral.validate#"
	case serialization, unknownOperation:
		return "com.amazon.coral.service#"
	default:
		return "com.amazonaws.dynamodb.v20120810#"
	}
}

const (
	unknownOperation    = "UnknownOperationException"
	validationException = "ValidationException"
	serialization       = "SerializationException"
	conditionFailed     = "ConditionalCheckFailedException"
	conditionMessage    = "The conditional request failed"
)

func invalid(format string, args ...any) *fault {
	return &fault{code: validationException, message: fmt.Sprintf(format, args...)}
}

// invalidValue is the form in which DynamoDB refuses most values.
func invalidValue(format string, args ...any) *fault {
	return invalid("One or more parameter values were invalid: "+format, args...)
}

func notFound(format string, args ...any) *fault {
	return &fault{code: "ResourceNotFoundException", message: fmt.Sprintf(format, args...)}
}

func inUse(format string, args ...any) *fault {
	return &fault{code: "ResourceInUseException", message: fmt.Sprintf(format, args...)}
}

// unsupported refuses what AWS has and this machine has not.
func unsupported(what string) *fault {
	return invalid("%s is not available in the local runtime; run opsflow dev with --table and the URL of a DynamoDB endpoint that has it", what)
}

// broken refuses a request that breaks constraints of the service's model; nil when there are no faults.
func broken(f constraint.Faults) error {
	if f == nil {
		return nil
	}
	return invalid("%s", f.Text())
}

// missing refuses a request without a member that it needs.
func missing(member string) error {
	var f constraint.Faults
	f.Required(member, "")
	return broken(f)
}

// checkEnum refuses a member of a request that is none of the values; "" is one that is not given.
func checkEnum(member, value string, values ...string) error {
	if value == "" {
		return nil
	}
	var f constraint.Faults
	f.Enum(member, value, values...)
	return broken(f)
}

func faultOf(err error) *fault {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if wrong, ok := errors.AsType[*expression.Error](err); ok {
		return invalid("%s", wrong.Message)
	}
	if wrong, ok := errors.AsType[*attribute.Error](err); ok {
		if wrong.Syntax {
			return &fault{code: serialization, message: wrong.Message}
		}
		return invalid("%s", wrong.Message)
	}
	if wrong, ok := errors.AsType[*table.LimitError](err); ok {
		return invalidValue("%s", wrong.What)
	}
	return &fault{code: "InternalServerError", message: err.Error()}
}
