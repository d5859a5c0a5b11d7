package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// path is a JSONPath to one value: names and array indexes (those as int).
type path []any

// parsePath reads $, $.detail.items[0]['first name'].
func parsePath(s string) (path, error) {
	rest, ok := strings.CutPrefix(s, "$")
	if !ok {
		return nil, fmt.Errorf("path %q must begin with $", s)
	}
	var p path
	for rest != "" {
		if name, ok := strings.CutPrefix(rest, "."); ok {
			end := strings.IndexAny(name, ".[")
			if end < 0 {
				end = len(name)
			}
			if end == 0 || name[:end] == "*" {
				return nil, fmt.Errorf("path %q must have a name behind every dot", s)
			}
			p, rest = append(p, name[:end]), name[end:]
			continue
		}
		inside, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
		if !ok || rest[0] != '[' {
			return nil, fmt.Errorf("path %q must go on with a dot or a bracket at %q", s, rest)
		}
		if n := len(inside); n > 2 && (inside[0] == '\'' || inside[0] == '"') && inside[n-1] == inside[0] {
			p, rest = append(p, inside[1:n-1]), after
			continue
		}
		i, err := strconv.Atoi(inside)
		if err != nil || i < 0 {
			return nil, fmt.Errorf("path %q must have an index or a quoted name in brackets", s)
		}
		p, rest = append(p, i), after
	}
	return p, nil
}

// in gives the text of the value at the path, as written; ok is false when it is not there.
func (p path) in(doc json.RawMessage) (json.RawMessage, bool) {
	for _, step := range p {
		switch step := step.(type) {
		case string:
			var object map[string]json.RawMessage
			if json.Unmarshal(doc, &object) != nil {
				return nil, false
			}
			v, ok := object[step]
			if !ok {
				return nil, false
			}
			doc = v
		case int:
			var array []json.RawMessage
			if json.Unmarshal(doc, &array) != nil || step >= len(array) {
				return nil, false
			}
			doc = array[step]
		}
	}
	return doc, true
}
