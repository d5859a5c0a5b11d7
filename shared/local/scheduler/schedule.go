package scheduler

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/events"
)

// Schedule is a schedule as it is kept.
type Schedule struct {
	Name, Group, ARN  string
	Description       string    `json:",omitempty"`
	Expression        string    // rate(...), cron(...) or at(...)
	Zone              string    // of the expression
	Start, End        time.Time `json:",omitzero"`  // it happens from Start to End; not of one that happens once
	Window            int       `json:",omitempty"` // minutes within which it happens; 0: at its time
	Disabled          bool      `json:",omitempty"`
	Delete            bool      `json:",omitempty"` // when it will not happen again
	KMSKey            string    `json:",omitempty"`
	Target            Target
	Token             string `json:",omitempty"` // ClientToken of the request that made it
	Created, Modified time.Time
	Base              time.Time // what a rate counts from
	Slot              time.Time `json:",omitzero"` // the next time; zero: it does not happen any more
	Fire              time.Time `json:",omitzero"` // when it happens: Slot, or some moment in the window after it
}

// Target is what a schedule invokes, as the API has it.
type Target struct {
	ARN                   string                   `json:"Arn"`
	RoleARN               string                   `json:"RoleArn"`
	Input                 string                   `json:",omitempty"`
	DeadLetterConfig      *events.DeadLetterConfig `json:",omitempty"`
	RetryPolicy           *events.RetryPolicy      `json:",omitempty"`
	SQSParameters         *events.SQSParameters    `json:"SqsParameters,omitempty"`
	EventBridgeParameters *EventBridgeParameters   `json:",omitempty"`
}

// EventBridgeParameters are those of the event that is put on a bus; the target's input is its detail.
type EventBridgeParameters struct{ DetailType, Source string }

const defaultGroup = "default"

func keyOf(group, name string) string { return group + "\x00" + name }

func (s *Schedule) key() string { return keyOf(s.Group, s.Name) }

func (s *Schedule) once() bool { return strings.HasPrefix(s.Expression, "at(") }

func (s *Schedule) save(tx *bbolt.Tx) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketSchedules).Put([]byte(s.key()), text)
}

var (
	namePattern = regexp.MustCompile(`[0-9a-zA-Z-_.]+`)
	rolePattern = regexp.MustCompile(`arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@\/-]+`)
	dlqPattern  = regexp.MustCompile(`arn:aws(-[a-z]+)?:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+`)
)

func checkName(f *constraint.Faults, member, value string) {
	if value == "" {
		f.Required(member, value)
		return
	}
	f.Length(member, value, 1, 64)
	f.Pattern(member, value, namePattern)
}

// check refuses what AWS refuses. Modes, states and such were checked where they were read.
func (s *Schedule) check(f *constraint.Faults, now time.Time) error {
	checkName(f, "name", s.Name)
	checkName(f, "groupName", s.Group)
	f.Length("description", s.Description, 0, 512)
	f.Required("scheduleExpression", s.Expression)
	f.Length("scheduleExpression", s.Expression, 0, 256)
	f.Length("scheduleExpressionTimezone", s.Zone, 1, 50)
	s.Target.check(f)
	if text := f.Text(); text != "" {
		return invalid("%s", text)
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		return invalid("Invalid ScheduleExpressionTimezone %s.", s.Zone)
	}
	if _, err := s.times(); err != nil {
		return invalid("Invalid Schedule Expression %s.", s.Expression)
	}
	switch {
	case s.once():
	case !s.End.IsZero() && !s.End.After(now):
		return invalid("The EndDate you specify cannot be earlier than now.")
	case !s.Start.IsZero() && s.Start.Before(now.Add(-5*time.Minute)):
		return invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
	case !s.End.IsZero() && !s.Start.IsZero() && !s.End.After(s.Start):
		return invalid("The StartDate you specify must come before the EndDate.")
	}
	return s.Target.valid()
}

func (t *Target) check(f *constraint.Faults) {
	f.Required("target.arn", t.ARN)
	f.Required("target.roleArn", t.RoleARN)
	if t.RoleARN != "" {
		f.Pattern("target.roleArn", t.RoleARN, rolePattern)
	}
	if d := t.DeadLetterConfig; d != nil && d.ARN != "" {
		f.Pattern("target.deadLetterConfig.arn", d.ARN, dlqPattern)
	}
	if p := t.RetryPolicy; p != nil {
		if p.MaximumRetryAttempts != nil {
			f.Range("target.retryPolicy.maximumRetryAttempts", *p.MaximumRetryAttempts, 0, 185)
		}
		if p.MaximumEventAgeInSeconds != nil {
			f.Range("target.retryPolicy.maximumEventAgeInSeconds", *p.MaximumEventAgeInSeconds, 60, 86400)
		}
	}
	if p := t.EventBridgeParameters; p != nil {
		f.Required("target.eventBridgeParameters.detailType", p.DetailType)
		f.Required("target.eventBridgeParameters.source", p.Source)
	}
}

// service is the AWS service of an ARN, with what is behind the account.
func service(arn string) (name, resource string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", ""
	}
	return parts[2], parts[5]
}

// universal targets are operations of services: aws-sdk:sqs:sendMessage.
var universal = regexp.MustCompile(`^aws-sdk:(dynamodb|eventbridge|lambda|sfn|sns|sqs):[a-z][A-Za-z0-9]*$`)

// valid refuses targets that AWS refuses, and those that this machine does not have.
func (t *Target) valid() error {
	name, resource := service(t.ARN)
	if name == "" || resource == "" {
		return invalid("Provided Arn is not in correct format.")
	}
	isBus := name == "events" && strings.HasPrefix(resource, "event-bus/")
	known := isBus || name == "lambda" && strings.HasPrefix(resource, "function:") || name == "states" && strings.HasPrefix(resource, "stateMachine:") ||
		name == "sqs" || name == "sns" || name == "scheduler" && universal.MatchString(resource)
	switch {
	case !known:
		return invalid("%s is not a supported service for a target here: the local runtime has Lambda functions, state machines, SQS queues, "+
			"SNS topics, event buses and arn:aws:scheduler:::aws-sdk targets of these.", t.ARN)
	case isBus && t.EventBridgeParameters == nil:
		return invalid("Parameter(s) EventBridgeParameters must be specified for target %s.", t.ARN)
	case !isBus && t.EventBridgeParameters != nil:
		return invalid("Parameter(s) EventBridgeParameters not valid for target %s.", t.ARN)
	case name == "sqs" && strings.HasSuffix(resource, ".fifo") && (t.SQSParameters == nil || t.SQSParameters.MessageGroupID == ""):
		return invalid("Parameter(s) SqsParameters must be specified for target %s.", t.ARN)
	case name != "sqs" && t.SQSParameters != nil:
		return invalid("Parameter(s) SqsParameters not valid for target %s.", t.ARN)
	case t.Input != "" && name != "sqs" && name != "sns" && !json.Valid([]byte(t.Input)):
		return invalid("Invalid RequestJson provided. Reason The RequestJson provided is not valid JSON.")
	}
	return nil
}
