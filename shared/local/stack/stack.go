// Package stack reads template.yaml as AWS CloudFormation would deploy it: parameters and intrinsic functions resolved,
// physical names and ARNs given, so that the local runtime is made from the same text as the real one.
//
// It knows the resources that mean something on one machine (functions, buses, rules, schedules, state machines, tables,
// queues, HTTP routes); the others are listed in Stack.Others.
package stack

import (
	"encoding/json"
	"time"

	"opsflow/shared/local/iam"
)

// The place that local stacks are in.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// Stack is a template with everything resolved. Lists are in the order of the template.
type Stack struct {
	Path       string            // the template's file
	Parameters map[string]string // the values of all parameters

	Functions     []Function
	Buses         []Bus // without the default bus, which is always there
	Rules         []Rule
	StateMachines []StateMachine
	Tables        []Table
	Queues        []Queue
	Mappings      []Mapping
	Connections   []Declared // of EventBridge, as CreateConnection takes them
	Destinations  []Declared // API destinations, as CreateApiDestination takes them
	// Schedules of EventBridge Scheduler, as CreateSchedule takes them, and their groups.
	Schedules      []Declared
	ScheduleGroups []Declared
	Routes         []Route
	Roles          []*Role
	// ResourcePolicies are what buses, queues and functions say of who may use them.
	ResourcePolicies []iam.Statement
	// Others are the resources that have no meaning here.
	Others []Resource
}

// Function is a Lambda function.
type Function struct {
	LogicalID string
	Name      string
	ARN       string
	RoleARN   string
	Dir       string // its folder below functions/
	Env       map[string]string
	MemoryMB  int
	Timeout   time.Duration
	// Reserved is the function's reserved concurrency; nil: none, it shares the account's.
	Reserved *int
	LogGroup string // empty: the one that Lambda makes
	// Of an asynchronous invocation: how often it is tried again after an error, how old its event may become (0: 6 hours),
	// and the ARN of the queue that an event goes to after that ("": none).
	Retries   int
	MaxAge    time.Duration
	OnFailure string
}

// Bus is an event bus.
type Bus struct {
	LogicalID string
	Name      string
	ARN       string
}

// Rule sends the events of a bus that match its pattern, or a tick of its schedule, to targets.
type Rule struct {
	Name     string
	ARN      string
	Bus      string          // the bus's name
	Pattern  json.RawMessage // nil for a schedule
	Schedule string          // "rate(1 minute)" or "cron(...)"; "" for a pattern
	Disabled bool
	Targets  []Target
}

// Target is where a rule sends an event.
type Target struct {
	ID         string
	ARN        string
	RoleARN    string // that EventBridge sends as; "": the target's own policy says who may
	DeadLetter string // ARN of the queue of what could not be delivered; "": none
	// Text is all of it, as PutTargets takes it.
	Text json.RawMessage
}

// StateMachine is a Step Functions state machine.
type StateMachine struct {
	LogicalID  string
	Name       string
	ARN        string
	RoleARN    string
	File       string // its definition's, relative to the template
	Definition []byte // with the substitutions made
	// RetainDeleted and RetainReplaced say that the state machine stays when it is no more in the template, and when one of
	// another name takes its place: the DeletionPolicy and the UpdateReplacePolicy.
	RetainDeleted  bool
	RetainReplaced bool
}

// Table is a DynamoDB table.
type Table struct {
	LogicalID string
	Name      string
	ARN       string
	Hash      string // attribute
	Range     string
	TTL       string // attribute; "": none
	Indexes   []Index
	// Properties are the resource's, as a JSON object, with the name.
	Properties []byte
}

// Index is a global secondary index.
type Index struct {
	Name    string
	Hash    string
	Range   string
	Type    string // KEYS_ONLY, INCLUDE or ALL
	Include []string
}

// Declared is a resource whose properties are what the service's API takes.
type Declared struct {
	LogicalID string
	Name      string
	ARN       string
	Text      json.RawMessage // the properties
}

// Queue is an SQS queue.
type Queue struct {
	LogicalID string
	Name      string
	ARN       string
	// Attributes are those that the template gives it, as SetQueueAttributes takes them.
	Attributes map[string]string
}

// Kind gives the attributes that can't be changed later: those of a FIFO queue.
func (q *Queue) Kind() map[string]string {
	if q.Attributes["FifoQueue"] == "true" {
		return map[string]string{"FifoQueue": "true"}
	}
	return nil
}

// Mapping invokes a function with the messages of a queue.
type Mapping struct {
	Queue    string // ARN
	Function string // name or ARN
	Batch    int
	Partial  bool // the function's answer names what comes again
}

// Route is a route of the HTTP API. Path and Method are "$default" for the route of everything else.
type Route struct {
	Method     string // ANY or a method
	Path       string // "/v1/{proxy+}"
	Function   string // ARN
	Authorizer string // "": none
}

// Resource names a resource of the template.
type Resource struct {
	LogicalID string
	Type      string
}

// Table finds a table by its name.
func (s *Stack) Table(name string) (Table, bool) {
	for _, t := range s.Tables {
		if name == t.Name {
			return t, true
		}
	}
	return Table{}, false
}

// Function finds a function by its name, its ARN or its logical id.
func (s *Stack) Function(name string) (Function, bool) {
	for _, f := range s.Functions {
		if name == f.Name || name == f.ARN || name == f.LogicalID {
			return f, true
		}
	}
	return Function{}, false
}
