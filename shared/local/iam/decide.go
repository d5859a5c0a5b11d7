package iam

import (
	"maps"
	"slices"
	"strings"
)

// Request is what somebody asks to do.
type Request struct {
	Action   string              // "dynamodb:PutItem"
	Resource string              // ARN; "" for an action that knows none: only a statement about * speaks of it
	Context  map[string][]string // values of condition keys
}

// With is the request with more condition keys.
func (r Request) With(more map[string][]string) Request {
	context := maps.Clone(more)
	maps.Copy(context, r.Context)
	r.Context = context
	return r
}

// Decision is what policies say to a request.
type Decision int

// A request is refused unless something allows it and nothing denies it.
const (
	NotAllowed Decision = iota // nothing allows it
	Allowed
	Denied // something denies it
)

// Decide asks the statements of a role. A Deny beats every Allow.
func Decide(statements []Statement, r Request) Decision {
	return decide(About(statements, r.Action), r)
}

// About gives the statements that speak of an action.
func About(statements []Statement, action string) []Statement {
	var about []Statement
	for i := range statements {
		if statements[i].speaksOf(action) {
			about = append(about, statements[i])
		}
	}
	return about
}

// decide asks statements that speak of the action.
func decide(about []Statement, r Request) Decision {
	decision := NotAllowed
	for i := range about {
		s := &about[i]
		if !s.covers(r.Resource) || !s.applies(r.Context) {
			continue
		}
		if s.Deny {
			return Denied
		}
		decision = Allowed
	}
	return decision
}

// DecideFor asks the statements of a resource's policy, for a principal: its ARN, account or service.
func DecideFor(statements []Statement, principal string, r Request) Decision {
	var about []Statement
	for _, s := range statements {
		if slices.ContainsFunc(s.Principals, func(p string) bool { return p == "*" || p == principal }) {
			about = append(about, s)
		}
	}
	return Decide(about, r)
}

func (s *Statement) speaksOf(action string) bool {
	if s.NotActions != nil {
		return !namesAction(s.NotActions, action)
	}
	return namesAction(s.Actions, action)
}

func namesAction(patterns []string, action string) bool {
	action = strings.ToLower(action)
	return slices.ContainsFunc(patterns, func(p string) bool { return like(action, strings.ToLower(p)) })
}

func (s *Statement) covers(resource string) bool {
	switch {
	case s.NotResources != nil:
		return !matches(s.NotResources, resource)
	case s.Resources == nil: // a resource's policy may leave out what it is about
		return true
	}
	return matches(s.Resources, resource)
}

func (s *Statement) applies(context map[string][]string) bool {
	for i := range s.Conditions {
		if !s.Conditions[i].holds(context) {
			return false
		}
	}
	return true
}

func matches(patterns []string, text string) bool {
	for _, p := range patterns {
		if like(text, p) {
			return true
		}
	}
	return false
}
