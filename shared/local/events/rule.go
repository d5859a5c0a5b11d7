package events

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/events/pattern"
	"opsflow/shared/schedule"
)

const (
	maxPattern  = 4096 // bytes of a pattern
	maxSchedule = 256  // characters of a schedule expression
)

// Rule sends events that match its pattern, or an event of its own at the slots of its schedule, to its targets.
type Rule struct {
	Name        string
	Bus         string // name; empty: default
	ARN         string // set by the engine
	Description string `json:",omitempty"`
	RoleARN     string `json:",omitempty"`
	Pattern     string `json:",omitempty"` // an event pattern
	Schedule    string `json:",omitempty"` // rate(...) or cron(...), in UTC; only on the default bus
	Disabled    bool   `json:",omitempty"`

	Targets []Target `json:",omitempty"` // set by PutTargets, ignored by PutRule
}

// rule is a Rule made ready.
type rule struct {
	Rule
	pattern  *pattern.Pattern
	schedule schedule.Schedule
}

func compile(r Rule) (*rule, error) {
	c := &rule{Rule: r}
	var err error
	if r.Pattern != "" {
		if c.pattern, err = compilePattern(r.Pattern); err != nil {
			return nil, err
		}
	}
	if r.Schedule != "" {
		if c.schedule, err = schedule.ParseRule(r.Schedule); err != nil {
			return nil, invalid("Parameter ScheduleExpression is not valid. Reason: %s.", err)
		}
	}
	return c, nil
}

func compilePattern(text string) (*pattern.Pattern, error) {
	var f constraint.Faults
	if f.Length("eventPattern", text, 0, maxPattern); f != nil {
		return nil, broken(f)
	}
	p, err := pattern.Compile([]byte(text))
	if perr, ok := errors.AsType[*pattern.Error](err); ok {
		return nil, &Error{"InvalidEventPatternException", perr.Error()}
	}
	return p, err
}

func (r *rule) clone() Rule {
	c := r.Rule
	c.Targets = slices.Clone(c.Targets)
	return c
}

// PutRule makes a rule or changes it; its targets stay. A rule needs a pattern or a schedule. The errors are
// ResourceNotFoundException (no such bus), InvalidEventPatternException and ValidationException. A schedule begins to
// tick at once; putting a rule again unchanged does not disturb it.
func (e *Engine) PutRule(ctx context.Context, r Rule) (arn string, err error) {
	if err := checkName("name", r.Name, 64); err != nil {
		return "", err
	}
	if r.Pattern == "" && r.Schedule == "" {
		return "", invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	r.Bus = busName(r.Bus)
	if r.Schedule != "" && r.Bus != DefaultBus {
		return "", invalid("ScheduleExpression is supported only on the default event bus.")
	}
	var f constraint.Faults
	if f.Length("scheduleExpression", r.Schedule, 0, maxSchedule); f != nil {
		return "", broken(f)
	}
	r.ARN = e.ruleARN(r.Bus, r.Name)
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.buses[r.Bus]
	if b == nil {
		return "", noBus(r.Bus)
	}
	r.Targets = nil
	if old := b.rules[r.Name]; old != nil {
		r.Targets = old.Targets
	}
	return r.ARN, e.replaceRule(ctx, b, r)
}

func (e *Engine) ruleARN(bus, name string) string {
	if bus == DefaultBus {
		return e.arn("rule/" + name)
	}
	return e.arn("rule/" + bus + "/" + name)
}

// replaceRule stores a rule and puts it in place. The caller holds mu.
func (e *Engine) replaceRule(ctx context.Context, b *bus, r Rule) error {
	old := b.rules[r.Name]
	if old != nil && reflect.DeepEqual(old.Rule, r) {
		return nil
	}
	c, err := compile(r)
	if err != nil {
		return err
	}
	if err := e.store(ctx, ruleKey(r.Bus, r.Name), r); err != nil {
		return fmt.Errorf("put rule %s: %w", r.Name, err)
	}
	b.rules[r.Name] = c
	if old == nil || old.Schedule != r.Schedule || old.Disabled != r.Disabled {
		e.arm(b.Name, c)
	}
	return nil
}

func ruleKey(bus, name string) string { return "rule/" + bus + "/" + name }

// changeRule applies a change to a copy of a rule and stores it.
func (e *Engine) changeRule(ctx context.Context, bus, name string, change func(*Rule) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, old, err := e.find(bus, name)
	if err != nil {
		return err
	}
	r := old.clone()
	if err := change(&r); err != nil {
		return err
	}
	return e.replaceRule(ctx, b, r)
}

// find looks up a rule. The caller holds mu.
func (e *Engine) find(busNameOrARN, name string) (*bus, *rule, error) {
	b := e.buses[busName(busNameOrARN)]
	if b == nil {
		return nil, nil, noBus(busName(busNameOrARN))
	}
	r := b.rules[name]
	if r == nil {
		return nil, nil, noRule(name, b.Name)
	}
	return b, r, nil
}

// EnableRule and DisableRule switch a rule on and off; ResourceNotFoundException when it is not there.
func (e *Engine) EnableRule(ctx context.Context, bus, name string) error {
	return e.changeRule(ctx, bus, name, func(r *Rule) error { r.Disabled = false; return nil })
}

// DisableRule is the counterpart of EnableRule.
func (e *Engine) DisableRule(ctx context.Context, bus, name string) error {
	return e.changeRule(ctx, bus, name, func(r *Rule) error { r.Disabled = true; return nil })
}

// Rule gives a rule with its targets; ResourceNotFoundException when it is not there.
func (e *Engine) Rule(bus, name string) (Rule, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	_, r, err := e.find(bus, name)
	if err != nil {
		return Rule{}, err
	}
	return r.clone(), nil
}

// Rules gives the rules of a bus whose names begin with prefix, by name.
func (e *Engine) Rules(bus, prefix string) ([]Rule, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	b := e.buses[busName(bus)]
	if b == nil {
		return nil, noBus(busName(bus))
	}
	var all []Rule
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		if strings.HasPrefix(name, prefix) {
			all = append(all, b.rules[name].clone())
		}
	}
	return all, nil
}

// DeleteRule removes a rule. One that is not there is no error, like at AWS; one that has targets is.
func (e *Engine) DeleteRule(ctx context.Context, bus, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.buses[busName(bus)]
	if b == nil {
		return noBus(busName(bus))
	}
	r := b.rules[name]
	if r == nil {
		return nil
	}
	if len(r.Targets) > 0 {
		return invalid("Rule can't be deleted since it has targets.")
	}
	if err := e.forget(ctx, ruleKey(b.Name, name), "tags/"+r.ARN); err != nil {
		return fmt.Errorf("delete rule %s: %w", name, err)
	}
	delete(e.tags, r.ARN)
	delete(b.rules, name)
	e.disarm(r.ARN)
	return nil
}
