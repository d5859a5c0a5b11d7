package stack

import (
	"fmt"
	"maps"
	"slices"
)

// Load reads a template with the values of its parameters; those that are not given have their defaults. An error is one
// line that names the file, the line and what is wrong there.
func Load(path string, parameters map[string]string) (*Stack, error) {
	d, err := readDocument(path)
	if err != nil {
		return nil, err
	}
	r := &resolver{document: d, values: map[string]string{}}
	if err := r.setParameters(parameters); err != nil {
		return nil, err
	}
	s := &Stack{Path: path, Parameters: r.values}
	for _, res := range r.resources {
		if err := s.add(r, res); err != nil {
			return nil, err
		}
	}
	for _, res := range r.resources {
		if err := s.attach(r, res); err != nil {
			return nil, err
		}
	}
	return s, s.Check()
}

// made reports whether a resource's condition holds.
func (r *resolver) made(res resource) (bool, error) {
	if res.condition == "" {
		return true, nil
	}
	return r.condition(res.node, res.condition)
}

func (r *resolver) setParameters(given map[string]string) error {
	for _, p := range r.parameters {
		parts, err := r.mapping(p.value)
		if err != nil {
			return err
		}
		if v, ok := given[p.key]; ok {
			r.values[p.key] = v
			continue
		}
		if parts["Default"] == nil {
			return r.fault(p.value, "parameter %s has no value and no default", p.key)
		}
		if r.values[p.key], err = r.text(parts["Default"]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := r.values[name]; !ok {
			return fmt.Errorf("%s: there is no parameter %s", r.path, name)
		}
	}
	return nil
}

// add resolves a resource and puts it where it belongs. Resources without meaning here are resolved too, so that a
// reference to nothing shows.
func (s *Stack) add(r *resolver, res resource) error {
	if holds, err := r.made(res); err != nil || !holds {
		return err
	}
	p, err := r.properties(res)
	if err != nil {
		return err
	}
	name, err := r.name(res)
	if err != nil {
		return err
	}
	arn := named[res.kind].arn + name
	switch res.kind {
	case typeFunction:
		err = s.addFunction(r, res, p, name, arn)
	case typeStateMachine:
		err = s.addStateMachine(r, res, p, name, arn)
	case typeBus:
		s.Buses = append(s.Buses, Bus{res.id, name, arn})
	case typeQueue:
		err = s.addQueue(r, res, p, name, arn)
	case typeMapping:
		s.Mappings = append(s.Mappings, Mapping{
			Queue: p.text("EventSourceArn"), Function: p.text("FunctionName"), Batch: p.number("BatchSize", 10),
			Partial: slices.Contains(p.texts("FunctionResponseTypes"), "ReportBatchItemFailures"),
		})
	case typeConnection:
		err = declare(&s.Connections, r, res, p, name, arn)
	case typeDestination:
		err = declare(&s.Destinations, r, res, p, name, arn)
	case typeSchedule:
		err = declare(&s.Schedules, r, res, p, name, schedulerARN+"schedule/"+groupOf(p)+"/"+name)
	case typeScheduleSet:
		err = declare(&s.ScheduleGroups, r, res, p, name, arn)
	case typeTable:
		err = s.addTable(res, p, name, arn)
	case typeSimpleTable:
		err = s.addTable(res, simpleTable(p), name, arn)
	case typeRule:
		err = s.addRule(r, res, p, name)
	case typeRole:
		err = s.addRole(r, res, p, arn)
	case typeBusPolicy, typeQueuePolicy, typeTopicPolicy, typePermission:
		err = s.addResourcePolicy(r, res, p)
	case typeManagedPolicy, typePolicy, typeRolePolicy, typeConnector: // read where they are used, or attached at the end
	case typeHTTPAPI: // its routes come with the functions
	default:
		s.Others = append(s.Others, Resource{res.id, res.kind})
	}
	return err
}

// properties resolves a resource's properties; a function's are laid over the globals.
func (r *resolver) properties(res resource) (properties, error) {
	out := properties{}
	if res.kind == typeFunction {
		for name, n := range r.globals {
			v, err := r.value(n)
			if err != nil {
				return nil, err
			}
			out[name] = v
		}
	}
	for name, n := range res.properties {
		v, err := r.value(n)
		if err != nil {
			return nil, fmt.Errorf("%w (in %s)", err, res.id)
		}
		if _, none := v.(noValue); none {
			continue
		}
		out[name] = merge(out[name], v)
	}
	return out, nil
}

// merge lays a mapping over another, as SAM does with globals; anything else replaces what was there.
func merge(below, above any) any {
	b, ok := below.(map[string]any)
	a, ok2 := above.(map[string]any)
	if !ok || !ok2 {
		return above
	}
	out := maps.Clone(b)
	for k, v := range a {
		out[k] = merge(out[k], v)
	}
	return out
}
