package iam

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Grant is a statement with where it comes from, for people.
type Grant struct {
	Policy string // "SendEvents", "RunSteps, policy 1", "SQSPollerPolicy"
	Statement
}

// Role is who a function or a state machine acts as. All methods are safe for concurrent use. Its grants must not be
// changed once it is asked.
type Role struct {
	ARN    string
	Grants []Grant
	// Boundary is the most that the role may do, whatever its grants say; nil: there is none.
	Boundary []Statement
	// Trust says who may act as the role.
	Trust []Statement

	byAction sync.Map // action -> []Statement: those that speak of it, so that a check only looks at resources
}

// DeniedError is AWS's refusal. Its text is AWS's.
type DeniedError struct {
	Session  string // ARN of the assumed role's session
	Action   string
	Resource string
	Explicit bool // by a Deny
	Bounded  bool // by the role's boundary
	// OfResource: the resource's own policy refuses it; of a role that is to be assumed, its trust policy.
	OfResource bool
}

func (e *DeniedError) Error() string { return e.ErrorCode() + ": " + e.ErrorMessage() }

// ErrorCode is AWS's name for it.
func (*DeniedError) ErrorCode() string { return "AccessDeniedException" }

// ErrorMessage is the text that AWS sends.
func (e *DeniedError) ErrorMessage() string {
	kind := "identity-based policy"
	switch {
	case e.Bounded:
		kind = "permissions boundary"
	case e.OfResource:
		kind = "resource-based policy"
	}
	why := fmt.Sprintf("because no %s allows the %s action", kind, e.Action)
	if e.Explicit {
		why = fmt.Sprintf("with an explicit deny in %s", article(kind))
	}
	on := ""
	if e.Resource != "" {
		on = " on resource: " + e.Resource
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", e.Session, e.Action, on, why)
}

func article(kind string) string {
	if strings.HasPrefix(kind, "i") {
		return "an " + kind
	}
	return "a " + kind
}

// Check gives nil when the role may do what the request asks, else a *DeniedError in the name of the session, which is the
// function's name, or the execution's for a state machine.
func (r *Role) Check(session string, req Request) error {
	d, bounded := decide(r.about(req.Action), req), false
	if r.Boundary != nil && d != Denied {
		if most := Decide(r.Boundary, req); most == Denied || d == Allowed && most == NotAllowed {
			d, bounded = most, true
		}
	}
	if d == Allowed {
		return nil
	}
	return &DeniedError{Session: r.Session(session), Action: req.Action, Resource: req.Resource, Explicit: d == Denied, Bounded: bounded}
}

// Session is the ARN of a session of the role.
func (r *Role) Session(name string) string {
	return strings.Replace(strings.Replace(r.ARN, ":iam:", ":sts:", 1), ":role/", ":assumed-role/", 1) + "/" + name
}

// Conditional reports whether a statement about an action has conditions, so that a request for it needs their values.
func (r *Role) Conditional(action string) bool {
	return r.Boundary != nil || slices.ContainsFunc(r.about(action), func(s Statement) bool { return len(s.Conditions) > 0 })
}

// about gives the statements that speak of an action.
func (r *Role) about(action string) []Statement {
	known, _ := r.byAction.Load(action)
	if statements, ok := known.([]Statement); ok {
		return statements
	}
	var about []Statement
	for i := range r.Grants {
		if r.Grants[i].speaksOf(action) {
			about = append(about, r.Grants[i].Statement)
		}
	}
	r.byAction.Store(action, about)
	return about
}
