package stack

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"opsflow/shared/local/iam"
)

// invoked is what SAM's Events lead to.
type invoked interface {
	arn() string
	// role gives the permission that EventBridge needs for it, where it is given by a role; "": what is invoked says so itself.
	action() string
}

func (f Function) arn() string      { return f.ARN }
func (Function) action() string     { return "" }
func (m StateMachine) arn() string  { return m.ARN }
func (StateMachine) action() string { return "states:StartExecution" }

// addEvents adds what the Events of a function or state machine stand for.
func (s *Stack) addEvents(r *resolver, res resource, p properties, of invoked) error {
	events := p.sub("Events")
	for _, id := range slices.Sorted(maps.Keys(events)) {
		if err := s.addEvent(r, res, of, id, events.sub(id)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) addEvent(r *resolver, res resource, of invoked, id string, event properties) error {
	p := event.sub("Properties")
	switch kind := event.text("Type"); kind {
	case "HttpApi":
		if f, ok := of.(Function); ok {
			s.Routes = append(s.Routes, route(f, p))
			return nil
		}
	case "ScheduleV2":
		return s.addScheduleEvent(r, res, of, id, p)
	case "EventBridgeRule", "CloudWatchEvent", "Schedule":
		return s.addRuleEvent(r, res, of, id, kind, p)
	}
	return r.fault(res.node, "event %s of %s has type %s, which the local runtime does not have", id, res.id, event.text("Type"))
}

// addRuleEvent adds the rule that SAM makes of an event.
func (s *Stack) addRuleEvent(r *resolver, res resource, of invoked, id, kind string, p properties) error {
	whole := properties{"Id": res.id + id, "Arn": of.arn()}
	for _, name := range []string{"Input", "InputPath", "InputTransformer", "RetryPolicy", "DeadLetterConfig"} {
		if v, ok := p[name]; ok {
			whole[name] = v
		}
	}
	if of.action() != "" {
		whole["RoleArn"] = s.eventRole(res.id+id, eventBridge, []string{of.action()}, []string{of.arn()})
	}
	target, err := targetOf(whole)
	if err != nil {
		return r.fault(res.node, "event %s of %s: %w", id, res.id, err)
	}
	rule := Rule{Bus: "default", Targets: []Target{target}, Disabled: p.text("State") == "DISABLED" || p.text("Enabled") == "false"}
	if kind == "Schedule" {
		rule.Name, rule.Schedule = p.text("Name"), p.text("Schedule")
	} else {
		rule.Name = p.text("RuleName")
		if bus := p.text("EventBusName"); bus != "" {
			rule.Bus = bus[strings.LastIndexByte(bus, '/')+1:]
		}
		pattern, err := json.Marshal(p["Pattern"])
		if err != nil || p["Pattern"] == nil {
			return r.fault(res.node, "event %s of %s has no Pattern", id, res.id)
		}
		rule.Pattern = pattern
	}
	s.putRule(rule, "opsflow-"+res.id+id)
	if of.action() != "" {
		return nil
	}
	return s.permit(eventBridge, s.Rules[len(s.Rules)-1].ARN, of.arn())
}

// addScheduleEvent adds the schedule that SAM makes of an event, with a role unless one is given.
func (s *Stack) addScheduleEvent(r *resolver, res resource, of invoked, id string, p properties) error {
	target := properties{"Arn": of.arn()}
	whole := properties{"FlexibleTimeWindow": map[string]any{"Mode": "OFF"}}
	for name, v := range p {
		switch name {
		case "Input", "RetryPolicy", "RoleArn":
			target[name] = v
		case "DeadLetterConfig":
			target[name] = map[string]any{"Arn": p.sub(name).text("Arn")}
		case "PermissionsBoundary", "OmitName":
		default:
			whole[name] = v
		}
	}
	if letters := target["DeadLetterConfig"]; letters != nil && p.sub("DeadLetterConfig").text("Arn") == "" {
		return r.fault(res.node, "event %s of %s: the local runtime needs the Arn of its DeadLetterConfig", id, res.id)
	}
	if p.text("RoleArn") == "" {
		actions, on := []string{of.action()}, []string{of.arn()}
		if of.action() == "" {
			actions = []string{"lambda:InvokeFunction"}
		}
		if letters := p.sub("DeadLetterConfig").text("Arn"); letters != "" {
			actions, on = append(actions, "sqs:SendMessage"), append(on, letters)
		}
		target["RoleArn"] = s.eventRole(res.id+id, "scheduler.amazonaws.com", actions, on)
	}
	whole["Target"] = map[string]any(target)
	name := p.text("Name")
	if name == "" {
		name = "opsflow-" + res.id + id
	}
	return declare(&s.Schedules, r, res, whole, name, schedulerARN+"schedule/"+groupOf(whole)+"/"+name)
}

// eventRole adds the role that SAM makes for an event: it may do one thing on each resource. It gives the role's ARN.
func (s *Stack) eventRole(id, principal string, actions, resources []string) string {
	role := &Role{LogicalID: id + "Role", Role: iam.Role{ARN: roleARN + "opsflow-" + id + "Role"}}
	for i, action := range actions {
		role.Grants = append(role.Grants, granted("added by SAM", []iam.Statement{{Actions: []string{action}, Resources: []string{resources[i]}}})...)
	}
	role.Trust = []iam.Statement{{Actions: []string{"sts:AssumeRole"}, Principals: []string{principal}}}
	s.Roles = append(s.Roles, role)
	return role.ARN
}
