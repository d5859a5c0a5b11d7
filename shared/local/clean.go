package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"opsflow/shared/local/stack"
)

// deployed are the resources of a template that outlive it, by their names: what to remove when another template has them no
// more.
type deployed struct {
	Functions []string
	Mappings  []string // the ARNs of their queues
	Rules     []ruleName
	Buses     []string
	Machines  []machineName
	Queues    []string // ARNs
	// EventBridge's connections and API destinations.
	Connections, Destinations []string
	Schedules                 []scheduleName
	ScheduleGroups            []string
}

type ruleName struct{ Bus, Name string }

type scheduleName struct{ GroupName, Name string }

type machineName struct {
	LogicalID, ARN      string
	Replaced, Forgotten bool // whether it stays when another takes its place, and when it is no more in the template
}

func deployedBy(s *stack.Stack) deployed {
	var d deployed
	for _, f := range s.Functions {
		d.Functions = append(d.Functions, f.Name)
	}
	for _, m := range s.Mappings {
		d.Mappings = append(d.Mappings, m.Queue)
	}
	for _, r := range s.Rules {
		d.Rules = append(d.Rules, ruleName{r.Bus, r.Name})
	}
	for _, b := range s.Buses {
		d.Buses = append(d.Buses, b.Name)
	}
	for _, m := range s.StateMachines {
		d.Machines = append(d.Machines, machineName{m.LogicalID, m.ARN, m.RetainReplaced, m.RetainDeleted})
	}
	for _, q := range s.Queues {
		d.Queues = append(d.Queues, q.ARN)
	}
	for _, c := range s.Connections {
		d.Connections = append(d.Connections, c.Name)
	}
	for _, a := range s.Destinations {
		d.Destinations = append(d.Destinations, a.Name)
	}
	for _, one := range s.Schedules {
		var name scheduleName
		_ = json.Unmarshal(one.Text, &name) // one that can't be read was not made
		d.Schedules = append(d.Schedules, name)
	}
	for _, g := range s.ScheduleGroups {
		d.ScheduleGroups = append(d.ScheduleGroups, g.Name)
	}
	return d
}

// intend keeps in mind what the template has before it is made, so that what is made of one that fails halfway is known.
func (rt *Runtime) intend(ctx context.Context, s *stack.Stack) error {
	before, err := rt.deployed(ctx)
	if err != nil {
		return err
	}
	now := deployedBy(s)
	all := deployed{
		append(before.Functions, gone(now.Functions, before.Functions)...), append(before.Mappings, gone(now.Mappings, before.Mappings)...),
		append(before.Rules, gone(now.Rules, before.Rules)...), append(before.Buses, gone(now.Buses, before.Buses)...),
		append(before.Machines, gone(now.Machines, before.Machines)...), append(before.Queues, gone(now.Queues, before.Queues)...),
		append(before.Connections, gone(now.Connections, before.Connections)...), append(before.Destinations, gone(now.Destinations, before.Destinations)...),
		append(before.Schedules, gone(now.Schedules, before.Schedules)...), append(before.ScheduleGroups, gone(now.ScheduleGroups, before.ScheduleGroups)...),
	}
	return rt.keepDeployed(ctx, all)
}

// clean removes what is there of other templates than the one that holds now.
func (rt *Runtime) clean(ctx context.Context, s *stack.Stack) error {
	before, err := rt.deployed(ctx)
	if err != nil {
		return err
	}
	now := deployedBy(s)
	return errors.Join(rt.remove(ctx, before, now), rt.keepDeployed(ctx, now))
}

// deployed is what is in mind.
func (rt *Runtime) deployed(ctx context.Context) (d deployed, err error) {
	kept, err := rt.kept(ctx, deployedKey)
	if err != nil || kept == nil {
		return d, err
	}
	if err := json.Unmarshal(kept, &d); err != nil {
		return d, fmt.Errorf("read what was deployed: %w", err)
	}
	return d, nil
}

const deployedKey = "deployed resources"

func (rt *Runtime) keepDeployed(ctx context.Context, d deployed) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("keep what is deployed: %w", err)
	}
	if kept, err := rt.kept(ctx, deployedKey); err != nil || bytes.Equal(kept, text) {
		return err
	}
	return rt.keep(ctx, deployedKey, text)
}

func (rt *Runtime) remove(ctx context.Context, before, now deployed) error {
	var errs []error
	for _, r := range gone(before.Rules, now.Rules) {
		errs = append(errs, rt.removeRule(ctx, r))
	}
	for _, bus := range gone(before.Buses, now.Buses) {
		errs = append(errs, rt.events.DeleteBus(ctx, bus))
	}
	for _, one := range gone(before.Schedules, now.Schedules) {
		errs = append(errs, unlessGone(rt.scheduler.Delete(ctx, one.GroupName, one.Name)))
	}
	for _, name := range gone(before.ScheduleGroups, now.ScheduleGroups) {
		errs = append(errs, unlessGone(rt.scheduler.DeleteGroup(ctx, name)))
	}
	for _, name := range gone(before.Destinations, now.Destinations) {
		errs = append(errs, unlessGone(rt.events.DeleteDestination(ctx, name)))
	}
	for _, name := range gone(before.Connections, now.Connections) {
		_, err := rt.events.DeleteConnection(ctx, name)
		errs = append(errs, unlessGone(err))
	}
	for _, m := range before.Machines {
		if !now.keeps(m) {
			errs = append(errs, rt.states.DeleteStateMachine(ctx, m.ARN))
		}
	}
	for _, queue := range gone(before.Mappings, now.Mappings) {
		rt.queues.Unmap(queue)
	}
	for _, queue := range gone(before.Queues, now.Queues) {
		errs = append(errs, unlessGone(rt.queues.Delete(ctx, queue)))
	}
	for _, function := range gone(before.Functions, now.Functions) {
		rt.functions.Remove(function)
	}
	return errors.Join(errs...)
}

func (rt *Runtime) removeRule(ctx context.Context, r ruleName) error {
	if err := rt.removeTargets(ctx, r.Bus, r.Name, nil); err != nil {
		return unlessGone(err) // it, or its bus
	}
	return rt.events.DeleteRule(ctx, r.Bus, r.Name)
}

// unlessGone passes over the error that something is not there: somebody else has removed it.
func unlessGone(err error) error {
	if coded, ok := errors.AsType[errorCoder](err); ok && noResource[coded.ErrorCode()] {
		return nil
	}
	return err
}

// keeps reports whether a state machine stays: it is in the template, or a policy says so.
func (d deployed) keeps(m machineName) bool {
	for _, other := range d.Machines {
		if other.ARN == m.ARN {
			return true
		}
		if other.LogicalID == m.LogicalID {
			return m.Replaced
		}
	}
	return m.Forgotten
}

// gone are those of before that are not there now.
func gone[T comparable](before, now []T) []T {
	stay := map[T]bool{}
	for _, v := range now {
		stay[v] = true
	}
	var out []T
	for _, v := range before {
		if !stay[v] {
			out = append(out, v)
		}
	}
	return out
}
