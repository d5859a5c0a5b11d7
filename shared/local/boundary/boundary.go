// Package boundary names what crosses the border between opsflow and AWS on this machine: which service is asked for which
// operation, by which function. Faults and quotas are told what to meet by it. It also refuses as each service would.
package boundary

import (
	"slices"
)

// Call is one request to a service.
type Call struct {
	Service   string // as IAM's actions begin: one of Services
	Operation string // as the API has it, such as PutItem
	Function  string // the name of the function that is invoked or, of other calls, that makes it; "": none of the template
}

// String gives the call as messages show it.
func (c Call) String() string {
	s := c.Service + ":" + c.Operation
	if c.Function != "" {
		s += " (" + c.Function + ")"
	}
	return s
}

// The services that are here.
const (
	DynamoDB       = "dynamodb"
	Events         = "events"
	Lambda         = "lambda"
	Scheduler      = "scheduler"
	SecretsManager = "secretsmanager"
	SES            = "ses"
	SNS            = "sns"
	SQS            = "sqs"
	States         = "states"
)

// Services are all services, in order of their names.
func Services() []string {
	return []string{DynamoDB, Events, Lambda, Scheduler, SecretsManager, SES, SNS, SQS, States}
}

// Known reports whether there is a service of that name.
func Known(service string) bool { return slices.Contains(Services(), service) }

// Invocation is the call that invokes a function.
func Invocation(function string) Call { return Call{Lambda, "Invoke", function} }

// Error is the answer of a service that refuses.
type Error struct {
	Code    string // as the service names it
	Message string
	Status  int // of HTTP
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the service's name for it.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage is its words alone.
func (e *Error) ErrorMessage() string { return e.Message }

// Throttled is how a service answers a request that comes too soon. The SDKs try again on each of these.
func Throttled(c Call) *Error {
	switch c.Service {
	case Lambda:
		return &Error{"TooManyRequestsException", "Rate Exceeded.", 429}
	case Scheduler:
		return &Error{"ThrottlingException", "Rate exceeded", 429}
	case SES:
		return &Error{"TooManyRequestsException", "Maximum sending rate exceeded.", 429}
	case SNS:
		return &Error{"Throttled", "Rate exceeded", 429}
	case SQS:
		return &Error{"RequestThrottled", "Request is throttled.", 400}
	case DynamoDB:
		return &Error{
			"ThrottlingException", "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling " +
				"your table or index so please try again shortly.", 400,
		}
	}
	return &Error{"ThrottlingException", "Rate exceeded", 400}
}
