package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Attempt is one attempt to deliver an event to a target.
type Attempt struct {
	Target  string // ARN
	Role    string // ARN of the role that the rule gives it; "": none
	Rule    string // ARN
	Payload []byte // JSON
	Group   string // the message group, for a FIFO queue
	EventID string // the same at every attempt
}

// TargetError is an error of a target. Code is what AWS calls it in a dead letter: NO_RESOURCE, NO_PERMISSIONS ...
type TargetError struct {
	Code  string
	Again bool          // whether it may help to try again
	After time.Duration // not before; 0: as always
	Err   error
}

func (e *TargetError) Error() string { return e.Err.Error() }
func (e *TargetError) Unwrap() error { return e.Err }

// NoResource is the error of a target that does not exist: it is useless to try again.
func NoResource(err error) error { return &TargetError{Code: "NO_RESOURCE", Err: err} }

// errNoService is the error of all targets when nobody has them.
var errNoService = NoResource(errors.New("the target does not exist"))

// after is how long a target asks to be left alone.
func after(err error) time.Duration {
	if e, ok := errors.AsType[*TargetError](err); ok {
		return e.After
	}
	return 0
}

// forward puts an event on another bus. It stays the same event.
func (e *Engine) forward(d *delivery) error {
	name := busName(d.TargetARN)
	if _, err := e.Bus(name); err != nil {
		return NoResource(err)
	}
	event, err := parseEvent([]byte(d.Payload))
	if err != nil {
		return &TargetError{Code: "INVALID_PARAMETER", Err: fmt.Errorf("forward to %s: %w", d.TargetARN, err)}
	}
	return e.accept(e.ctx, []sent{{bus: name, event: event, forwarded: true}})
}

// actions are what a role needs to be allowed for a target.
var actions = map[string]string{
	serviceLambda: "lambda:InvokeFunction", serviceStates: "states:StartExecution", serviceSQS: "sqs:SendMessage",
	serviceSNS: "sns:Publish", serviceBus: "events:PutEvents", serviceCall: "events:InvokeApiDestination",
}

// may asks whether the target may be reached with the delivery's role.
func (e *Engine) may(d *delivery) error {
	service := serviceOf(d.TargetARN)
	action := actions[service]
	if d.Role == "" || action == "" || e.o.May == nil {
		return nil
	}
	var keys map[string][]string
	if service == serviceBus {
		keys = map[string][]string{"events:source": {d.source()}}
	}
	if err := e.o.May(d.Role, action, d.TargetARN, keys); err != nil {
		return &TargetError{Code: "NO_PERMISSIONS", Err: err}
	}
	return nil
}

// source is that of the event which a delivery puts on a bus.
func (d *delivery) source() string {
	if d.Errand != nil {
		return d.Errand.Source
	}
	var event struct{ Source string }
	if json.Unmarshal([]byte(d.Payload), &event) != nil {
		return ""
	}
	return event.Source
}
