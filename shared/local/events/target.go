package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/events/destination"
)

const (
	maxTargetsPerRule = 5
	maxTargetsPerCall = 100
)

// Target is where a rule sends its events.
type Target struct {
	ID      string `json:"Id"`
	ARN     string `json:"Arn"`
	RoleARN string `json:"RoleArn,omitempty"`
	// At most one of the three changes what is sent; else it is the event.
	Input            string            `json:",omitempty"` // this JSON text
	InputPath        string            `json:",omitempty"` // the part of the event at this JSONPath
	InputTransformer *InputTransformer `json:",omitempty"`
	SQSParameters    *SQSParameters    `json:"SqsParameters,omitempty"`
	// HTTPParameters go with the call of an API destination. A value that is a path is that of the event.
	HTTPParameters   *destination.Target `json:"HttpParameters,omitempty"`
	RetryPolicy      *RetryPolicy        `json:",omitempty"`
	DeadLetterConfig *DeadLetterConfig   `json:",omitempty"`
}

// InputTransformer makes what is sent from a template, in which <name> stands for what is at a path of the event.
type InputTransformer struct {
	InputPathsMap map[string]string `json:",omitempty"`
	InputTemplate string
}

// RetryPolicy bounds the attempts at one delivery. nil is the default: for a Lambda function that of an asynchronous
// invocation (2 more attempts, after 1 and 2 minutes, within 6 hours), for any other target that of EventBridge (185 more
// within 24 hours).
type RetryPolicy struct {
	MaximumRetryAttempts     *int `json:",omitempty"` // 0 to 185
	MaximumEventAgeInSeconds *int `json:",omitempty"` // 60 to 86400
}

// SQSParameters say how something is sent to a queue.
type SQSParameters struct {
	MessageGroupID string `json:"MessageGroupId,omitempty"` // of a FIFO queue
}

func (t *Target) group() string {
	if t.SQSParameters == nil {
		return ""
	}
	return t.SQSParameters.MessageGroupID
}

// DeadLetterConfig names the queue of what could not be delivered.
type DeadLetterConfig struct {
	ARN string `json:"Arn,omitempty"`
}

// The kinds of targets, as the services' ARNs name them.
const (
	serviceLambda = "lambda"
	serviceStates = "states"
	serviceSQS    = "sqs"
	serviceSNS    = "sns"
	serviceLogs   = "logs"
	serviceBus    = "event-bus"
	serviceCall   = "api-destination"
)

// serviceOf gives the kind of a target; "" for those that the local runtime does not have.
func serviceOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[5] == "" {
		return ""
	}
	resource := parts[5]
	for _, known := range []struct{ service, prefix, kind string }{
		{"lambda", "function:", serviceLambda},
		{"states", "stateMachine:", serviceStates},
		{"sqs", "", serviceSQS},
		{"sns", "", serviceSNS},
		{"logs", "log-group:", serviceLogs},
		{"events", "event-bus/", serviceBus},
		{"events", "api-destination/", serviceCall},
	} {
		if parts[2] == known.service && strings.HasPrefix(resource, known.prefix) {
			return known.kind
		}
	}
	return ""
}

// function gives the name in a Lambda function's ARN, without version or alias.
func function(arn string) string {
	return strings.SplitN(arn, ":", 8)[6]
}

// validate refuses a target, the nth of a request, that AWS refuses.
func (t *Target) validate(n int) error {
	var f constraint.Faults
	member := fmt.Sprintf("targets.%d.member.", n)
	f.Name(member+"id", t.ID, 64)
	f.Required(member+"arn", t.ARN)
	f.Length(member+"input", t.Input, 0, 8192)
	f.Length(member+"inputPath", t.InputPath, 0, 256)
	if x := t.InputTransformer; x != nil {
		x.check(&f, member+"inputTransformer")
	}
	if text := f.Text(); text != "" {
		return invalid("%s", text)
	}
	service := serviceOf(t.ARN)
	switch {
	case !strings.HasPrefix(t.ARN, "arn:") || strings.Count(t.ARN, ":") < 5:
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN)
	case service == "":
		return invalid("Parameter %s is not valid. Reason: the local runtime does not have this service (it has Lambda functions, state "+
			"machines, SQS queues, SNS topics, event buses, API destinations and CloudWatch log groups).", t.ARN)
	case (service == serviceStates || service == serviceCall) && t.RoleARN == "":
		return invalid("RoleArn is required for target %s.", t.ARN)
	case service == serviceSQS && strings.HasSuffix(t.ARN, ".fifo") != (t.group() != ""):
		if t.group() == "" {
			return invalid("Parameter(s) MessageGroupId must be specified for target: %s.", t.ID)
		}
		return invalid("Parameter(s) SqsParameters not valid for target: %s. Reason: only FIFO queues have message groups.", t.ID)
	case t.HTTPParameters != nil && service != serviceCall:
		return invalid("Parameter(s) HttpParameters not valid for target: %s.", t.ID)
	case t.SQSParameters != nil && service != serviceSQS:
		return invalid("Parameter(s) SqsParameters not valid for target: %s.", t.ID)
	case t.DeadLetterConfig != nil && t.DeadLetterConfig.ARN != "" && serviceOf(t.DeadLetterConfig.ARN) != serviceSQS:
		return invalid("Parameter DeadLetterConfig.Arn is not valid. Reason: Provided Arn is not in correct format.")
	}
	ways := 0
	for _, given := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	}
	if t.Input != "" && !json.Valid([]byte(t.Input)) {
		return invalid("JSON syntax error in input for target %s.", t.ID)
	}
	if t.InputPath != "" {
		if _, err := parsePath(t.InputPath); err != nil {
			return invalid("Invalid InputPath for target %s: %s.", t.ID, err)
		}
	}
	if t.InputTransformer != nil {
		if err := t.InputTransformer.validate(t.ID); err != nil {
			return err
		}
	}
	return t.RetryPolicy.validate(t.ID)
}

func (p *RetryPolicy) validate(id string) error {
	if p == nil {
		return nil
	}
	if n := p.MaximumRetryAttempts; n != nil && (*n < 0 || *n > 185) {
		return invalid("Parameter MaximumRetryAttempts of target %s is not valid: it must be 0 to 185.", id)
	}
	if n := p.MaximumEventAgeInSeconds; n != nil && (*n < 60 || *n > 86400) {
		return invalid("Parameter MaximumEventAgeInSeconds of target %s is not valid: it must be 60 to 86400.", id)
	}
	return nil
}

// limits gives how many attempts after the first are made, and until how long after its acceptance an event is sent.
func (t *Target) limits() (retries int, age time.Duration) {
	retries, age = 185, 24*time.Hour
	if t.RetryPolicy == nil && serviceOf(t.ARN) == serviceLambda {
		return 2, 6 * time.Hour
	}
	if p := t.RetryPolicy; p != nil {
		if p.MaximumRetryAttempts != nil {
			retries = *p.MaximumRetryAttempts
		}
		if p.MaximumEventAgeInSeconds != nil {
			age = time.Duration(*p.MaximumEventAgeInSeconds) * time.Second
		}
	}
	return retries, age
}

// PutTargets adds targets to a rule or changes those of the same id. ResourceNotFoundException when the rule is not
// there, ValidationException or LimitExceededException (5 a rule) when a target is refused; nothing is changed then.
func (e *Engine) PutTargets(ctx context.Context, bus, rule string, targets ...Target) error {
	if n := len(targets); n < 1 || n > maxTargetsPerCall {
		list := make([]string, n)
		for i, t := range targets {
			list[i] = fmt.Sprintf("Target(id=%s, arn=%s)", t.ID, t.ARN)
		}
		var f constraint.Faults
		f.Size("targets", "["+strings.Join(list, ", ")+"]", n, 1, maxTargetsPerCall)
		return broken(f)
	}
	for i := range targets {
		if err := targets[i].validate(i + 1); err != nil {
			return err
		}
	}
	return e.changeRule(ctx, bus, rule, func(r *Rule) error {
		for _, t := range targets {
			i := slices.IndexFunc(r.Targets, func(old Target) bool { return old.ID == t.ID })
			if i >= 0 {
				r.Targets[i] = t
			} else {
				r.Targets = append(r.Targets, t)
			}
		}
		if len(r.Targets) > maxTargetsPerRule {
			return &Error{"LimitExceededException", "The requested resource exceeds the maximum number allowed."}
		}
		return nil
	})
}

// RemoveTargets takes targets from a rule and gives the ids that it did not have.
func (e *Engine) RemoveTargets(ctx context.Context, bus, rule string, ids ...string) (missing []string, err error) {
	err = e.changeRule(ctx, bus, rule, func(r *Rule) error {
		missing = nil
		for _, id := range ids {
			n := len(r.Targets)
			r.Targets = slices.DeleteFunc(r.Targets, func(t Target) bool { return t.ID == id })
			if len(r.Targets) == n {
				missing = append(missing, id)
			}
		}
		return nil
	})
	return missing, err
}
