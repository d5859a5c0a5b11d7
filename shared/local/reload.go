package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/local/stack"
)

// reload has the template hold as it is written now: what is new is made, what has changed is changed, what is gone is
// removed. Executions that run keep their definitions. It gives what was done; after an error everything is as it was.
func (rt *Runtime) reload(ctx context.Context) (changes []string, err error) {
	next, err := rt.readStack(ctx)
	if err != nil {
		return nil, err
	}
	before := rt.stack()
	if now, ok := next.Table(rt.own.Name); !ok || !sameJSON(now, rt.own) {
		return nil, fmt.Errorf("%s: the table %s has changed: start opsflow dev again for that", next.Path, rt.own.Name)
	}
	if changes = differences(before, next); len(changes) == 0 {
		return nil, nil
	}
	if err := rt.hold(ctx, next); err != nil {
		return nil, errors.Join(err, rt.hold(ctx, before))
	}
	return changes, nil
}

// hold has everything be as a template says.
func (rt *Runtime) hold(ctx context.Context, s *stack.Stack) error {
	rt.template.Store(s)
	rt.permissions.read(s)
	if err := rt.deployFunctions(ctx); err != nil {
		return err
	}
	if err := rt.deploy(ctx); err != nil {
		return err
	}
	rt.mapQueues()
	return nil
}

// differences tells, a line each, which resources differ between two templates.
func differences(before, now *stack.Stack) []string {
	old, made := resources(before), resources(now)
	var lines []string
	for name, text := range made {
		switch was, ok := old[name]; {
		case !ok:
			lines = append(lines, name+" added")
		case !bytes.Equal(was, text):
			lines = append(lines, name+" changed")
		}
	}
	for name := range old {
		if made[name] == nil {
			lines = append(lines, name+" removed")
		}
	}
	slices.Sort(lines)
	return lines
}

// resources are those of a template by kind and name, in a form that can be compared.
func resources(s *stack.Stack) map[string][]byte {
	all := map[string][]byte{}
	add := func(kind, name string, v any) {
		text, err := json.Marshal(v)
		if err != nil { // plain structs always marshal
			text = fmt.Append(nil, v)
		}
		all[kind+" "+name] = text
	}
	for _, f := range s.Functions {
		add("function", f.Name, f)
	}
	for _, t := range s.Tables {
		add("table", t.Name, t)
	}
	for _, b := range s.Buses {
		add("bus", b.Name, b)
	}
	for _, r := range s.Rules {
		add("rule", strings.TrimPrefix(r.Bus+"/"+r.Name, "default/"), r)
	}
	for _, m := range s.StateMachines {
		add("state machine", m.Name, m)
	}
	for _, q := range s.Queues {
		add("queue", q.Name, q)
	}
	for _, c := range s.Connections {
		add("connection", c.Name, c)
	}
	for _, d := range s.Destinations {
		add("API destination", d.Name, d)
	}
	for _, g := range s.ScheduleGroups {
		add("schedule group", g.Name, g)
	}
	for _, one := range s.Schedules {
		add("schedule", one.Name, one)
	}
	for _, m := range s.Mappings {
		add("mapping of", m.Queue, m)
	}
	for _, r := range s.Roles {
		add("role", r.LogicalID, r)
	}
	if len(s.ResourcePolicies) > 0 {
		add("the", "resource policies", s.ResourcePolicies)
	}
	return all
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
