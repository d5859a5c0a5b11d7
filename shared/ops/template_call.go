package ops

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Call reads the action of an api_call step; nil for any other step.
func (s *Step) Call() *APICall {
	if s.Kind != StepAPICall {
		return nil
	}
	var call APICall
	if json.Unmarshal(s.Action, &call) != nil {
		return nil
	}
	return &call
}

// Placeholders gives the names that stand in braces in the path, in order.
func (c *APICall) Placeholders() []string {
	var names []string
	for rest := c.Path; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return names
		}
		name, next, ok := strings.Cut(after, "}")
		if !ok {
			return append(names, after)
		}
		names, rest = append(names, name), next
	}
}

func (c *templateCheck) call(s *Step, path string) {
	path += ".action"
	var call APICall
	if wrong, ok := errors.AsType[*Error](DecodeStrict("action", s.Action, &call)); ok {
		for _, f := range wrong.Faults {
			c.fault(path+strings.TrimPrefix(f.Path, "$"), f.Expected, f.Got)
		}
		return
	}
	c.require(isTemplateName(call.Connection), path+".connection", "the name of a connection", call.Connection)
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	c.require(slices.Contains(methods, call.Method), path+".method", oneOf(methods), call.Method)
	c.require(strings.HasPrefix(call.Path, "/") && !strings.HasPrefix(call.Path, "//") && !strings.ContainsAny(call.Path, "?#\\ \t\r\n") &&
		!slices.Contains(strings.Split(call.Path, "/"), ".."), path+".path", `a path below the connection's base URL like "/refunds/{payment_id}"`, call.Path)
	for _, name := range call.Placeholders() {
		_, given := s.Parameters[name]
		c.require(given, path+".path", "made of placeholders that parameters has", name)
	}
	for _, name := range slices.Sorted(maps.Keys(call.Query)) {
		var v any
		_ = json.Unmarshal(call.Query[name], &v)
		switch v.(type) {
		case string, float64, bool:
		default:
			c.fault(path+".query."+name, "a text, a number, true or false", string(call.Query[name]))
		}
	}
	c.require(len(call.Body) == 0 || slices.Contains(methods[1:4], call.Method), path+".body", "left out of a "+call.Method, "")
}
