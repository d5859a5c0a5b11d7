package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"opsflow/shared/local/events"
	"opsflow/shared/local/sqs"
	"opsflow/shared/local/stack"
	"opsflow/shared/local/states"
)

// loadStack reads the template for the first time.
func (rt *Runtime) loadStack(ctx context.Context) error {
	s, err := rt.readStack(ctx)
	if err != nil {
		return err
	}
	rt.permissions = newPermissions(s, rt.o.Logger, rt.o.observe)
	rt.template.Store(s)
	return nil
}

// readStack reads the template. The key of the console's sessions is made once and kept with the data, so that people stay
// signed in over a restart.
func (rt *Runtime) readStack(ctx context.Context) (*stack.Stack, error) {
	key, err := rt.keptOr(ctx, "console key", func() ([]byte, error) { return []byte(rand.Text() + rand.Text()), nil })
	if err != nil {
		return nil, err
	}
	links, err := rt.keptOr(ctx, "timeline key", func() ([]byte, error) { return []byte(rand.Text() + rand.Text()), nil })
	if err != nil {
		return nil, err
	}
	s, err := stack.Load(rt.o.Template, map[string]string{
		"OidcIssuer": rt.apiURL, "OidcClientIds": ClientID, "ConsoleClientId": ClientID, "ConsoleSessionKey": string(key),
		"NotifyWebhookUrl": rt.apiURL + "/dev/outbox", "NotifyEmailFrom": emailFrom, "NotifySms": "on", "TimelineKey": string(links),
		"PrivateCalls": onOff(rt.o.PrivateCalls),
	})
	if err == nil && rt.o.edit != nil {
		rt.o.edit(s)
	}
	return s, err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// stack is the template as it holds now.
func (rt *Runtime) stack() *stack.Stack { return rt.template.Load() }

// deploy makes queues, buses, rules and state machines as the template has them, and removes what it had and has no more, also
// in an earlier run on the same data.
func (rt *Runtime) deploy(ctx context.Context) error {
	s := rt.stack()
	if err := rt.intend(ctx, s); err != nil {
		return err
	}
	if err := rt.deployTables(ctx, s); err != nil {
		return err
	}
	if err := rt.deployQueues(ctx, s); err != nil {
		return err
	}
	for _, m := range s.StateMachines {
		if err := rt.deployMachine(ctx, m); err != nil {
			return fmt.Errorf("%s: state machine %s: %w", m.File, m.Name, err)
		}
	}
	for _, b := range s.Buses {
		if _, err := rt.events.PutBus(ctx, b.Name); err != nil {
			return fmt.Errorf("bus %s: %w", b.Name, err)
		}
	}
	for _, c := range s.Connections {
		if err := rt.events.DeployConnection(ctx, c.ARN, c.Text); err != nil {
			return fmt.Errorf("%s: %w", c.LogicalID, err)
		}
	}
	for _, d := range s.Destinations {
		if err := rt.events.DeployDestination(ctx, d.ARN, d.Text); err != nil {
			return fmt.Errorf("%s: %w", d.LogicalID, err)
		}
	}
	for _, g := range s.ScheduleGroups {
		if err := rt.scheduler.PutGroup(ctx, g.Name); err != nil {
			return fmt.Errorf("%s: %w", g.LogicalID, err)
		}
	}
	for _, one := range s.Schedules {
		if err := rt.scheduler.Deploy(ctx, one.Text); err != nil {
			return fmt.Errorf("%s: %w", one.LogicalID, err)
		}
	}
	for _, r := range s.Rules {
		if err := rt.deployRule(ctx, r); err != nil {
			return fmt.Errorf("rule %s: %w", r.Name, err)
		}
	}
	return rt.clean(ctx, s)
}

// deployQueues makes queues or, on old data, changes those that are there. Redrive policies come last: they name other queues.
func (rt *Runtime) deployQueues(ctx context.Context, s *stack.Stack) error {
	for _, q := range s.Queues {
		if _, err := rt.queues.Create(ctx, q.Name, q.Kind(), nil); err != nil {
			return fmt.Errorf("queue %s: %w", q.Name, err)
		}
	}
	for _, q := range s.Queues {
		if err := rt.queues.SetAttributes(ctx, q.ARN, q.Attributes); err != nil {
			return fmt.Errorf("queue %s: %w", q.Name, err)
		}
	}
	return nil
}

// mapQueues lets functions have the messages of queues, those of an earlier run too.
func (rt *Runtime) mapQueues() {
	for _, m := range rt.stack().Mappings {
		rt.queues.Map(sqs.Mapping{Queue: m.Queue, Function: m.Function, Batch: m.Batch, Partial: m.Partial})
	}
}

// deployMachine makes a state machine or changes it.
func (rt *Runtime) deployMachine(ctx context.Context, m stack.StateMachine) error {
	old, err := rt.states.DescribeStateMachine(ctx, m.ARN)
	if err == nil {
		if old.Definition != string(m.Definition) || old.RoleARN != m.RoleARN {
			_, err = rt.states.UpdateStateMachine(ctx, states.UpdateStateMachineInput{
				ARN: m.ARN, Definition: string(m.Definition), RoleARN: m.RoleARN,
			})
		}
		return err
	}
	_, err = rt.states.CreateStateMachine(ctx, states.CreateStateMachineInput{
		Name: m.Name, Definition: string(m.Definition), RoleARN: m.RoleARN,
	})
	return err
}

func (rt *Runtime) deployRule(ctx context.Context, r stack.Rule) error {
	_, err := rt.events.PutRule(ctx, events.Rule{
		Name: r.Name, Bus: r.Bus, Pattern: string(r.Pattern), Schedule: r.Schedule, Disabled: r.Disabled,
	})
	if err != nil {
		return err
	}
	targets := make([]events.Target, 0, len(r.Targets))
	kept := map[string]bool{}
	for _, t := range r.Targets {
		var target events.Target
		if err := json.Unmarshal(t.Text, &target); err != nil {
			return fmt.Errorf("target %s: %w", t.ID, err)
		}
		targets = append(targets, target)
		kept[target.ID] = true
	}
	if len(targets) > 0 {
		if err := rt.events.PutTargets(ctx, r.Bus, r.Name, targets...); err != nil {
			return err
		}
	}
	return rt.removeTargets(ctx, r.Bus, r.Name, kept)
}

// removeTargets takes the targets of a rule away but for those that are kept.
func (rt *Runtime) removeTargets(ctx context.Context, bus, name string, kept map[string]bool) error {
	rule, err := rt.events.Rule(bus, name)
	if err != nil {
		return err
	}
	var gone []string
	for _, t := range rule.Targets {
		if !kept[t.ID] {
			gone = append(gone, t.ID)
		}
	}
	if len(gone) > 0 {
		_, err = rt.events.RemoveTargets(ctx, bus, name, gone...)
	}
	return err
}
