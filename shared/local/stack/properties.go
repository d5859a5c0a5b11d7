package stack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// properties are resolved values with ways to read them; what is missing or of another type reads as zero.
type properties map[string]any

func (p properties) sub(name string) properties {
	m, _ := p[name].(map[string]any)
	return m
}

func (p properties) text(name string) string {
	switch v := p[name].(type) {
	case string:
		return v
	case int64, float64, bool:
		return fmt.Sprint(v)
	}
	return ""
}

func (p properties) number(name string, otherwise int) int {
	switch v := p[name].(type) {
	case int64:
		return int(v)
	case string:
		var n int
		if _, err := fmt.Sscanf(v, "%d", &n); err == nil {
			return n
		}
	}
	return otherwise
}

func (p properties) seconds(name string) time.Duration {
	return time.Duration(p.number(name, 0)) * time.Second
}

func (p properties) list(name string) []properties {
	items, _ := p[name].([]any)
	var out []properties
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func (p properties) texts(name string) []string {
	items, _ := p[name].([]any)
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func (s *Stack) addFunction(r *resolver, res resource, p properties, name, arn string) error {
	source, err := r.text(res.metadata["Source"])
	dir, ok := strings.CutPrefix(source, "functions/")
	if err != nil || !ok {
		return r.fault(res.node, "function %s needs Metadata.Source, functions/<folder>", res.id)
	}
	async := p.sub("EventInvokeConfig")
	f := Function{
		LogicalID: res.id, Name: name, ARN: arn, Dir: dir, Env: map[string]string{},
		MemoryMB: p.number("MemorySize", 128), Timeout: p.seconds("Timeout"),
		Retries: async.number("MaximumRetryAttempts", 2), MaxAge: async.seconds("MaximumEventAgeInSeconds"),
		OnFailure: async.sub("DestinationConfig").sub("OnFailure").text("Destination"),
		LogGroup:  p.sub("LoggingConfig").text("LogGroup"),
	}
	if n := p.number("ReservedConcurrentExecutions", -1); n >= 0 {
		f.Reserved = &n
	}
	if f.Timeout == 0 {
		f.Timeout = 3 * time.Second // Lambda's default
	}
	if f.RoleARN, err = s.roleFor(r, res, p); err != nil {
		return err
	}
	env := p.sub("Environment").sub("Variables")
	for k := range env {
		f.Env[k] = env.text(k)
	}
	s.Functions = append(s.Functions, f)
	return s.addEvents(r, res, p, f)
}

func (s *Stack) putRule(rule Rule, name string) {
	if rule.Name == "" {
		rule.Name = name
	}
	rule.ARN = ruleARN(rule.Bus, rule.Name)
	s.Rules = append(s.Rules, rule)
}

func route(f Function, p properties) Route {
	r := Route{Method: p.text("Method"), Path: p.text("Path"), Function: f.ARN}
	if r.Path == "" {
		r.Method, r.Path = "$default", "$default"
	}
	r.Method = strings.ToUpper(r.Method)
	if r.Path == "$default" {
		r.Method = "$default"
	}
	if a := p.sub("Auth").text("Authorizer"); a != "NONE" {
		r.Authorizer = a
	}
	return r
}

func targetOf(p properties) (Target, error) {
	text, err := json.Marshal(p)
	return Target{ID: p.text("Id"), ARN: p.text("Arn"), RoleARN: p.text("RoleArn"), DeadLetter: p.sub("DeadLetterConfig").text("Arn"), Text: text}, err
}

func (s *Stack) addRule(r *resolver, res resource, p properties, name string) error {
	rule := Rule{Name: name, Bus: "default", Schedule: p.text("ScheduleExpression"), Disabled: p.text("State") == "DISABLED"}
	if bus := p.text("EventBusName"); bus != "" {
		rule.Bus = bus[strings.LastIndexByte(bus, '/')+1:]
	}
	if p["EventPattern"] != nil {
		pattern, err := json.Marshal(p["EventPattern"])
		if err != nil {
			return r.fault(res.node, "the EventPattern of %s: %w", res.id, err)
		}
		rule.Pattern = pattern
	}
	for _, t := range p.list("Targets") {
		target, err := targetOf(t)
		if err != nil {
			return r.fault(res.node, "target %s of %s: %w", t.text("Id"), res.id, err)
		}
		rule.Targets = append(rule.Targets, target)
	}
	s.putRule(rule, name)
	return nil
}

// groupOf is the group that a schedule says it is in.
func groupOf(p properties) string { return cmp.Or(p.text("GroupName"), "default") }

// declare adds a resource whose properties a service takes as they are.
func declare(to *[]Declared, r *resolver, res resource, p properties, name, arn string) error {
	p["Name"] = name
	text, err := json.Marshal(p)
	if err != nil {
		return r.fault(res.node, "the properties of %s: %w", res.id, err)
	}
	*to = append(*to, Declared{res.id, name, arn, text})
	return nil
}

// addQueue adds a queue. Its properties are the service's attributes by the same names; policies are written out as JSON.
func (s *Stack) addQueue(r *resolver, res resource, p properties, name, arn string) error {
	q := Queue{LogicalID: res.id, Name: name, ARN: arn, Attributes: map[string]string{}}
	for property, v := range p {
		switch v := v.(type) {
		case map[string]any: // RedrivePolicy, RedriveAllowPolicy
			text, err := json.Marshal(v)
			if err != nil {
				return r.fault(res.node, "the %s of %s: %w", property, res.id, err)
			}
			q.Attributes[property] = string(text)
		case []any: // Tags
		default:
			if property != "QueueName" && (property != "FifoQueue" || p.text(property) == "true") {
				q.Attributes[property] = p.text(property)
			}
		}
	}
	s.Queues = append(s.Queues, q)
	return nil
}
