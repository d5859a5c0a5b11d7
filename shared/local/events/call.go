package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"opsflow/shared/local/events/destination"
)

// call calls an API destination.
func (e *Engine) call(d *delivery) error {
	to, by, err := e.calling(d.TargetARN)
	if err != nil {
		return NoResource(err)
	}
	if e.o.Outside == nil {
		return errNoService
	}
	var with destination.Target
	if d.HTTP != nil {
		with = *d.HTTP
	}
	err = e.o.Outside.Call(e.ctx, to, by, with, []byte(d.Payload))
	if failed, ok := errors.AsType[*destination.Error](err); ok {
		return &TargetError{Code: failed.Code, Again: failed.Again, After: failed.After, Err: failed}
	}
	return err
}

// calling gives an API destination with its connection.
func (e *Engine) calling(arn string) (*destination.Destination, *destination.Connection, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	to := e.destinations[nameInARN(arn)]
	if to == nil || to.ARN != arn {
		return nil, nil, fmt.Errorf("there is no API destination %s", arn)
	}
	by := e.connections[nameInARN(to.ConnectionARN)]
	if by == nil || by.ARN != to.ConnectionARN {
		return nil, nil, fmt.Errorf("there is no connection %s", to.ConnectionARN)
	}
	return to, by, nil
}

// nameInARN gives the name in the ARN of a connection or an API destination, which has an id behind it.
func nameInARN(arn string) string {
	_, rest, _ := strings.Cut(arn, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// turn is when an API destination takes a delivery; other targets take it at once.
func (e *Engine) turn(d *delivery) time.Time {
	if d.turn || serviceOf(d.TargetARN) != serviceCall {
		return time.Time{}
	}
	to, _, err := e.calling(d.TargetARN)
	if err != nil {
		return time.Time{}
	}
	return e.pace.Next(to.ARN, to.Rate, e.o.Clock.Now())
}

// resolved puts values of the event in the place of the parameters that are paths into it.
func resolved(t *destination.Target, event []byte) *destination.Target {
	out := &destination.Target{
		PathParameterValues: slices.Clone(t.PathParameterValues), HeaderParameters: maps.Clone(t.HeaderParameters),
		QueryStringParameters: maps.Clone(t.QueryStringParameters),
	}
	for i, v := range out.PathParameterValues {
		out.PathParameterValues[i] = textAt(v, event)
	}
	for _, m := range []map[string]string{out.HeaderParameters, out.QueryStringParameters} {
		for name, v := range m {
			m[name] = textAt(v, event)
		}
	}
	return out
}

// textAt gives the text at a path of an event, "" when there is nothing; a text that is no path stands for itself.
func textAt(s string, event []byte) string {
	if !strings.HasPrefix(s, "$.") {
		return s
	}
	p, err := parsePath(s)
	if err != nil {
		return s
	}
	part, _ := p.in(event)
	var text string
	if json.Unmarshal(part, &text) == nil {
		return text
	}
	return string(part)
}
