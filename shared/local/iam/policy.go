// Package iam decides what a role may do, as AWS Identity and Access Management does for the part of its language that
// stacks like opsflow's are written in: Allow and Deny, wildcards in actions and resources, NotAction and NotResource, and
// conditions on texts and ARNs. What it does not know it refuses to read: a policy is never silently weaker or stronger
// than it is at AWS.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Statement is one rule of a policy. Actions are matched without regard to case, resources with it; in both * stands for
// any text and ? for any character.
type Statement struct {
	Deny         bool
	Actions      []string
	NotActions   []string
	Resources    []string
	NotResources []string
	Principals   []string // of a resource's policy: ARNs, account numbers, services or *; nil in a role's
	Conditions   []Condition
}

// ParsePolicy reads a policy document: a mapping as JSON or YAML give it, with a Statement or a list of them. An error
// names the place in the document.
func ParsePolicy(document any) ([]Statement, error) {
	doc, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a policy document is a mapping, got %v", document)
	}
	for key := range doc {
		if key != "Version" && key != "Id" && key != "Statement" {
			return nil, fmt.Errorf("a policy document has no %s", key)
		}
	}
	list, ok := doc["Statement"].([]any)
	if !ok {
		list = []any{doc["Statement"]}
	}
	statements := make([]Statement, len(list))
	for i, item := range list {
		var err error
		if statements[i], err = ParseStatement(item); err != nil {
			return nil, fmt.Errorf("Statement %d: %w", i+1, err)
		}
	}
	return statements, nil
}

// ParseStatement reads one statement.
func ParseStatement(document any) (Statement, error) {
	var s Statement
	members, ok := document.(map[string]any)
	if !ok {
		return s, fmt.Errorf("a statement is a mapping, got %v", document)
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		value := members[key]
		var err error
		switch key {
		case "Sid":
		case "Effect":
			if s.Deny = value == "Deny"; !s.Deny && value != "Allow" {
				err = fmt.Errorf("must be Allow or Deny, got %v", value)
			}
		case "Action":
			s.Actions, err = actions(value)
		case "NotAction":
			s.NotActions, err = actions(value)
		case "Resource":
			s.Resources, err = texts(value)
		case "NotResource":
			s.NotResources, err = texts(value)
		case "Principal":
			s.Principals, err = principals(value)
		case "Condition":
			s.Conditions, err = conditions(value)
		default:
			err = errors.New("is not known")
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	switch {
	case members["Effect"] == nil:
		return s, errors.New("an Effect is needed")
	case (s.Actions == nil) == (s.NotActions == nil):
		return s, errors.New("one of Action and NotAction is needed")
	case s.Principals == nil && (s.Resources == nil) == (s.NotResources == nil):
		return s, errors.New("one of Resource and NotResource is needed")
	}
	return s, nil
}

// texts reads a text or a list of texts.
func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, len(list))
	for i, item := range list {
		switch item := item.(type) {
		case string:
			out[i] = item
		case bool, int64:
			out[i] = fmt.Sprint(item)
		default:
			return nil, fmt.Errorf("must be a text or a list of texts, got %v", item)
		}
	}
	return out, nil
}

func actions(v any) ([]string, error) {
	list, err := texts(v)
	for _, a := range list {
		if service, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || service == "" || name == "") {
			return nil, fmt.Errorf("must be service:Action, got %s", a)
		}
	}
	return list, err
}

// principals reads "*" or {AWS: ..., Service: ...}.
func principals(v any) ([]string, error) {
	kinds, ok := v.(map[string]any)
	if !ok {
		return texts(v)
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if kind != "AWS" && kind != "Service" {
			return nil, fmt.Errorf("the kind %s is not supported by the local runtime", kind)
		}
		list, err := texts(kinds[kind])
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}
