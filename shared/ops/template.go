package ops

import (
	"context"
	"encoding/json"
	"strconv"
	"time"
)

// WorkflowType says what part of the business a workflow serves.
type WorkflowType string

// The workflow types.
const (
	BookingProcessing   WorkflowType = "booking_processing"
	VendorAssignment    WorkflowType = "vendor_assignment"
	QualityCheck        WorkflowType = "quality_check"
	PaymentProcessing   WorkflowType = "payment_processing"
	CustomerOnboarding  WorkflowType = "customer_onboarding"
	ServiceDelivery     WorkflowType = "service_delivery"
	ComplaintResolution WorkflowType = "complaint_resolution"
	PerformanceReview   WorkflowType = "performance_review"
)

// WorkflowTypes lists the workflow types.
func WorkflowTypes() []WorkflowType {
	return []WorkflowType{
		BookingProcessing, VendorAssignment, QualityCheck, PaymentProcessing,
		CustomerOnboarding, ServiceDelivery, ComplaintResolution, PerformanceReview,
	}
}

// Trigger says what starts a template's workflows.
type Trigger string

// The triggers.
const (
	TriggerManual    Trigger = "manual"
	TriggerEvent     Trigger = "event_based"
	TriggerTime      Trigger = "time_based"
	TriggerCondition Trigger = "condition_based"
)

// Triggers lists them.
func Triggers() []Trigger {
	return []Trigger{TriggerManual, TriggerEvent, TriggerTime, TriggerCondition}
}

// Template is the definition of a workflow: a graph of steps. A published version never changes; an instance stays on
// the version that it began with. Built-in templates are part of the program (version 1); a stored one with the same
// name and version replaces it.
type Template struct {
	Meta
	Name             string       `json:"name"`
	Version          int          `json:"version"`
	Description      string       `json:"description,omitempty"`
	Type             WorkflowType `json:"type"`
	Trigger          Trigger      `json:"trigger"`
	Schedule         *Schedule    `json:"schedule,omitempty"` // of one that is time_based
	Watch            *Watch       `json:"watch,omitempty"`    // of one that is condition_based
	Team             Team         `json:"team"`
	RequiresApproval bool         `json:"requires_approval,omitempty"`
	EstimatedMinutes int          `json:"estimated_minutes,omitempty"` // absent: the sum over the steps
	// MaxParallelInstances: 0 is unlimited.
	MaxParallelInstances int    `json:"max_parallel_instances,omitempty"`
	Priority             int    `json:"priority"` // 1 to 10
	Steps                []Step `json:"steps"`
	// Secrets are the paths of what nobody is to see: "$.context.code". So are values that are named as secrets are, and fields
	// of forms that say writeOnly or x-secret.
	Secrets []string `json:"secrets,omitempty"`
	// Example is a run to try the template with; absent: it is tried without a subject and a context.
	Example   *Example `json:"example,omitempty"`
	Active    bool     `json:"active"`
	Published bool     `json:"published"`
	// StateMachine is the ARN of the published version's state machine; absent for built-in ones, whose ARN follows from
	// their name.
	StateMachine string    `json:"state_machine,omitempty"`
	PublishedAt  time.Time `json:"published_at,omitzero"`
	UpdatedBy    string    `json:"updated_by,omitempty"`
}

// Schedule says when a template's workflows start by themselves: one for each slot.
type Schedule struct {
	Cron     string                     `json:"cron"`                // six fields, as EventBridge has them: "0 9 ? * MON-FRI *"
	TimeZone string                     `json:"time_zone,omitempty"` // IANA name; absent: UTC
	Context  map[string]json.RawMessage `json:"context,omitempty"`   // what each works on; slot, its time, is added
}

// TimerSchedule is when a published, time_based template has its next slot.
const TimerSchedule = "schedule"

// Example says how to try a template: what it is about, what it works on, and what people answer.
type Example struct {
	Subject SubjectRef                 `json:"subject,omitzero"`
	Context map[string]json.RawMessage `json:"context,omitempty"`
	Answers map[string]Answer          `json:"answers,omitempty"` // by step; absent: the first outcome, without a form
}

// Answer is how a person completes a task.
type Answer struct {
	Outcome string          `json:"outcome,omitempty"` // absent: the first that the task accepts
	Form    json.RawMessage `json:"form,omitempty"`
}

// DecodeTemplate reads a template as people write it, as far as it can be read: a field that does not exist or has the wrong
// type is a fault and left out. Priority is 5 when it is not given. The template is nil when there is nothing to read. It says
// nothing yet about whether the template makes sense: see Faults.
func DecodeTemplate(b []byte) (*Template, []Fault) {
	t := &Template{Priority: 5}
	// What editors find the schema by, and what the API says of a template besides, so that what was read can be changed and
	// stored again.
	faults, read := Decode(b, t, "$schema", "warnings", "cost")
	if !read {
		return nil, faults
	}
	return t, faults
}

// Ref names the record.
func (t *Template) Ref() Ref { return Ref{KindTemplate, TemplateID(t.Name, t.Version)} }

// Step finds a step by its id; nil when there is none.
func (t *Template) Step(id string) *Step {
	for i := range t.Steps {
		if t.Steps[i].ID == id {
			return &t.Steps[i]
		}
	}
	return nil
}

// TemplateID is the id of one version: "name@2".
func TemplateID(name string, version int) string { return name + "@" + strconv.Itoa(version) }

// TemplateStore keeps the stored templates; the built-in ones are package workflow's.
type TemplateStore interface {
	// Template reads one stored version, consistently. CodeNotFound.
	Template(ctx context.Context, name string, version int) (*Template, error)
	// Templates reads all stored versions of all templates, ordered by name, newest version first.
	Templates(ctx context.Context) ([]*Template, error)
	// CurrentTemplate tells, consistently, which stored version starts; one without a version when none is published.
	CurrentTemplate(ctx context.Context, name string) (*CurrentTemplate, error)
}

// CurrentTemplate names the stored version of a template that a start without a version takes: the newest published one. It is
// written with every publication, so that a start reads no more however many versions there are.
type CurrentTemplate struct {
	Meta
	Template string `json:"template"`
	Version  int    `json:"template_version"`
}

// Ref names the record.
func (c *CurrentTemplate) Ref() Ref { return Ref{KindCurrentTemplate, c.Template} }

// StepKind says what a step is.
type StepKind string

// The step kinds.
const (
	StepAutomated    StepKind = "automated"
	StepManual       StepKind = "manual"
	StepApproval     StepKind = "approval"
	StepNotification StepKind = "notification"
	StepDecision     StepKind = "decision"
	StepDelay        StepKind = "delay"
	StepAPICall      StepKind = "api_call"
	StepAssignment   StepKind = "assignment"
	StepQualityCheck StepKind = "quality_check"
	StepAwaitEvent   StepKind = "await_event"
)

// StepKinds lists the step kinds.
func StepKinds() []StepKind {
	return []StepKind{
		StepAutomated, StepManual, StepApproval, StepNotification, StepDecision,
		StepDelay, StepAPICall, StepAssignment, StepQualityCheck, StepAwaitEvent,
	}
}

// Human reports whether a step of this kind is a person's task.
func (k StepKind) Human() bool {
	return k == StepManual || k == StepApproval || k == StepQualityCheck
}

// Waits reports whether the execution stops at a step of this kind until something from outside happens.
func (k StepKind) Waits() bool { return k.Human() || k == StepDelay || k == StepAwaitEvent }

// OnError says what a step's final failure does to its workflow.
type OnError string

// The ways to take a failed step.
const (
	OnErrorFail       OnError = "fail" // the default
	OnErrorSkip       OnError = "skip"
	OnErrorCompensate OnError = "compensate"
)

// Step is one node of a template's graph. Text values in Parameters, Action and the like that begin with "$." are paths
// into {context, steps, subject}.
type Step struct {
	ID               string     `json:"id"`
	Name             string     `json:"name"`
	Kind             StepKind   `json:"kind"`
	DependsOn        []string   `json:"depends_on,omitempty"`
	When             *Condition `json:"when,omitempty"` // false: the step is skipped
	EstimatedMinutes int        `json:"estimated_minutes,omitempty"`

	// Action is an action's name ("booking.validate") for automated and assignment steps, an object for api_call.
	Action     json.RawMessage            `json:"action,omitempty"`
	Parameters map[string]json.RawMessage `json:"parameters,omitempty"`
	Retry      *Retry                     `json:"retry,omitempty"`
	OnError    ErrorWay                   `json:"on_error,omitzero"`
	Compensate string                     `json:"compensate,omitempty"` // an action's name

	Title    string          `json:"title,omitempty"` // what people read as their task; absent: the name
	Role     Team            `json:"role,omitempty"`  // who does it; absent: the template's team
	Due      Duration        `json:"due,omitzero"`    // deadline of a human step, from its opening
	Form     json.RawMessage `json:"form,omitempty"`  // JSON Schema of what the person fills in
	Outcomes []string        `json:"outcomes,omitempty"`
	OnReject ErrorWay        `json:"on_reject,omitzero"`
	Rework   *Rework         `json:"rework,omitempty"`
	Quorum   int             `json:"quorum,omitempty"` // people who must decide alike; 0: 1
	// RejectQuorum is how many people must refuse for the step to be refused; 0: 1, any of them.
	RejectQuorum int        `json:"reject_quorum,omitempty"`
	Assign       Routing    `json:"assign,omitempty"` // whose task it becomes; absent: least_loaded
	Expires      Duration   `json:"expires,omitzero"` // when a human step can be decided no more, from its opening
	OnExpire     ExpireWay  `json:"on_expire,omitzero"`
	Offer        *OfferStep `json:"offer,omitempty"` // assignment without an action: offers to vendors, one after the other

	Choices []Choice `json:"choices,omitempty"` // decision
	Default string   `json:"default,omitempty"` // decision: the step when no choice holds

	Template string     `json:"template,omitempty"` // notification: message template
	To       *Recipient `json:"to,omitempty"`       // notification

	For   Duration `json:"for,omitzero"`    // delay
	Until string   `json:"until,omitempty"` // delay: a path to an RFC 3339 time

	Event EventType `json:"event,omitempty"` // await_event: the type of the event
	// Key is what the event must name: the id of what it is about, and of a payment or a score also the booking_id, of a
	// complaint also the complaint_id. A path or an id.
	Key string `json:"key,omitempty"`
	// Match is asked of the event's detail: one for which it does not hold is not the one that the step waits for.
	Match     *Condition `json:"match,omitempty"`
	Timeout   Duration   `json:"timeout,omitzero"`    // how long the step waits; absent: as long as the execution lives, a year
	OnTimeout ErrorWay   `json:"on_timeout,omitzero"` // fail, skip or a step; absent: as on_error says
	// Lookback is how long before the step an event may have arrived and still counts; absent: since the instance began.
	Lookback Duration `json:"lookback,omitzero"`
}

// Routing says to which member of its team a task goes.
type Routing string

// The ways to route a task.
const (
	LeastLoaded Routing = "least_loaded" // who has the least open work
	RoundRobin  Routing = "round_robin"  // one after the other, however much they have
)

// Waits reports whether the execution stops at the step until something from outside happens.
func (s *Step) Waits() bool { return s.Kind.Waits() || s.Offer != nil }

// ActionName is the name of the step's action; "" when it has none or its action is an object.
func (s *Step) ActionName() string {
	var name string
	if json.Unmarshal(s.Action, &name) != nil {
		return ""
	}
	return name
}

// Minutes is the step's weight in the progress: its estimate, at least 1.
func (s *Step) Minutes() int { return max(1, s.EstimatedMinutes) }

// Retry says how often and how fast a failed step is tried again. Waits of more than about a minute are kept to within a
// minute.
type Retry struct {
	MaxAttempts int      `json:"max_attempts"`         // tries in all, the first included
	Backoff     Duration `json:"backoff,omitzero"`     // before the second try; doubled for each further one
	MaxBackoff  Duration `json:"max_backoff,omitzero"` // the longest wait; absent: 10 minutes, or backoff if that is longer
	Jitter      Jitter   `json:"jitter,omitempty"`     // absent: half
}

// Jitter says how much of a wait between two tries is random, so that what failed together is not tried again together.
type Jitter string

// The kinds of jitter.
const (
	JitterNone Jitter = "none"
	JitterHalf Jitter = "half" // half of the wait, the default
	JitterFull Jitter = "full" // all of it
)

// Jitters lists them.
func Jitters() []Jitter { return []Jitter{JitterNone, JitterHalf, JitterFull} }

// Rework says where a refusal sends the work: an earlier step begins anew, with all that follows it. When it was sent back
// as often as allowed, on_reject says what a further refusal does.
type Rework struct {
	To    string `json:"to"`    // the id of an earlier step
	Times int    `json:"times"` // at most so often
}

// Choice is one way out of a decision.
type Choice struct {
	When Condition `json:"when"`
	Next string    `json:"next"`
}
