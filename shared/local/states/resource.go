package states

import "strings"

// resource is what a Task state's Resource names.
type resource struct {
	kind    resourceKind
	arn     string
	service string // lambda, events, states
	action  string // invoke, putEvents, startExecution
	pattern string // "", sync, sync:2, waitForTaskToken
}

type resourceKind uint8

const (
	resourceUnknown resourceKind = iota
	resourceFunction
	resourceActivity
	resourceService
)

const waitForToken = "waitForTaskToken"

// parseResource reads arn:aws:lambda:...:function:NAME, arn:aws:states:...:activity:NAME or
// arn:aws:states:::service:action[.pattern].
func parseResource(arn string) resource {
	r := resource{arn: arn}
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) < 7 {
		return r
	}
	switch {
	case parts[2] == "lambda" && parts[5] == "function":
		r.kind = resourceFunction
	case parts[2] == "states" && parts[5] == "activity":
		r.kind, r.action = resourceActivity, parts[6]
	case parts[2] == "states" && parts[3] == "":
		r.service = parts[5]
		r.action, r.pattern, _ = strings.Cut(parts[6], ".")
		switch r.service + ":" + r.action {
		case "lambda:invoke", "events:putEvents", "states:startExecution":
			r.kind = resourceService
		}
	}
	return r
}

// event is the type of a history event about a task of this kind.
func (r resource) event(what string) string {
	switch r.kind {
	case resourceFunction:
		return "LambdaFunction" + what
	case resourceActivity:
		return "Activity" + what
	default:
		return "Task" + what
	}
}

// details are the members that every event about the task has.
func (r resource) details() map[string]any {
	if r.kind != resourceService {
		return map[string]any{}
	}
	name := r.action
	if r.pattern != "" {
		name += "." + r.pattern
	}
	return map[string]any{"resourceType": r.service, "resource": name}
}

// limitName is what the message about too large a result calls the task.
func (r resource) limitName() string {
	if r.kind == resourceService {
		return r.service
	}
	return r.arn
}
