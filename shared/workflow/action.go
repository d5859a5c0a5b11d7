package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// Action is what an automated step does. It may be done again for the same step, after a crash or a lost conflict: it
// reads what it needs, and answers with what is to be written and sent; the runner writes and sends.
type Action func(ctx context.Context, in ActionInput) (ActionResult, error)

// ActionInput is what an action works on.
type ActionInput struct {
	Instance *ops.Instance // not to be changed
	Step     *ops.Step
	Params   map[string]json.RawMessage // the step's parameters; one whose path leads nowhere is left out
	Subject  *ops.Subject               // the instance's, a copy; nil when it has none
	Store    Store
	Now      time.Time
	// Key names what this run of the step brings about: "<instance>:<step>:<loop>". Work that was sent back has a new one.
	Key string
	// Read gives a copy of another subject, as the steps before this one left it.
	Read func(ctx context.Context, ref ops.SubjectRef) (*ops.Subject, error)
}

// ActionResult is what came of an action.
type ActionResult struct {
	Output any // JSON; conditions and paths see it as steps.<id>.output
	// Writes are stored in the same transaction as the step's record.
	Writes []ops.Record
	// Emit is put on the bus before the step's record is stored, at least once: the runner gives each event its id and
	// cause. Type and Detail are the action's.
	Emit []ops.OutEvent
	// AssignTo, when set, is who the instance is assigned to from now on.
	AssignTo string
}

// actions are the actions that steps can name.
var actions = map[string]Action{
	"assign.team":        assignTeam,
	"booking.validate":   bookingValidate,
	"booking.confirm":    bookingConfirm,
	"booking.complete":   bookingComplete,
	"complaint.triage":   complaintTriage,
	"complaint.resolve":  complaintResolve,
	"customer.check":     customerCheck,
	"customer.register":  customerRegister,
	"payment.validate":   paymentValidate,
	"payment.confirm":    paymentConfirm,
	"payment.fail":       paymentFail,
	"payment.record":     paymentRecord,
	"quality.assess":     qualityAssess,
	"quality.score":      qualityScore,
	"quality.report":     qualityReport,
	"service.check":      serviceCheck,
	"service.complete":   serviceComplete,
	"vendor.apply":       vendorApply,
	"vendor.activate":    vendorActivate,
	"vendor.check":       vendorCheck,
	"vendor.gather":      vendorGather,
	"vendor.report":      vendorReport,
	"vendor.rank":        vendorRank,
	"vendor.assign":      vendorAssign,
	"vendor.release":     vendorRelease,
	"vendor.unavailable": vendorUnavailable,
}

// emitting are those of them that put events on the bus.
var emitting = map[string]bool{
	"booking.confirm": true, "quality.score": true, "service.complete": true, "vendor.assign": true,
}

// action finds an action by its name; nil when there is none.
func (e *Engine) action(name string) Action {
	if a := e.Actions[name]; a != nil {
		return a
	}
	return actions[name]
}

// value gives what the action knows under a name: a parameter, the context's field or the subject's.
func (in *ActionInput) value(name string) json.RawMessage {
	if v, ok := in.Params[name]; ok {
		return v
	}
	if v, ok := in.Instance.Context[name]; ok {
		return v
	}
	if in.Subject != nil {
		return in.Subject.Fields[name]
	}
	return nil
}

// text gives a value that is a text; "" for anything else.
func (in *ActionInput) text(name string) string { return text(in.value(name)) }

// id is the id of the subject of a type: the instance's own, else what the context says.
func (in *ActionInput) id(subjectType string) string {
	if in.Instance.Subject.Type == subjectType {
		return in.Instance.Subject.ID
	}
	return in.text(subjectType + "_id")
}

// subject gives a copy of the subject of a type, or nil when the instance is about none.
func (in *ActionInput) subject(ctx context.Context, subjectType string) (*ops.Subject, error) {
	id := in.id(subjectType)
	if !ops.ValidID(id) {
		return nil, nil
	}
	return in.Read(ctx, ops.SubjectRef{Type: subjectType, ID: id})
}

// set takes a field of a subject as of now.
func (in *ActionInput) set(s *ops.Subject, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", name, s.SubjectRef, err)
	}
	s.Set(name, b, in.Now)
	return nil
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // anything else is no text
	return s
}

// present reports whether a value is there at all.
func present(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null" && string(raw) != `""`
}

// event makes an event with a detail.
func event(t ops.EventType, detail map[string]any) (ops.OutEvent, error) {
	b, err := json.Marshal(detail)
	if err != nil {
		return ops.OutEvent{}, fmt.Errorf("write the detail of %s: %w", t, err)
	}
	return ops.OutEvent{Type: t, Detail: b}, nil
}
