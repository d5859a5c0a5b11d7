package rule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"opsflow/shared/ops"
)

// shape is a compiled JSON Schema, of just the keywords that the schemas of events use; it knows no others and refuses them.
// A whole JSON Schema library does the same in a cold start's longest 3 ms: match-rules can't do without schemas, but
// without that. The two are compared in the tests.
type shape struct {
	kind        kind // textKind, numberKind or objectKind
	description string

	// of an object
	required []string
	members  map[string]*shape
	names    []string // of members, sorted

	// of a text; lengths count code points, and no maximum is 0
	minLength, maxLength int
	pattern              *regexp.Regexp
	isTime               bool
	oneOf                []string

	// of a number; nil: no bound
	minimum, maximum, above *decimal
}

// keywords says which kind of value each keyword is for; noKind: for any.
var keywords = map[string]kind{
	"$schema": noKind, "$id": noKind, "title": noKind, "description": noKind, "type": noKind,
	"required": objectKind, "properties": objectKind,
	"minLength": textKind, "maxLength": textKind, "pattern": textKind, "format": textKind, "enum": textKind,
	"minimum": numberKind, "maximum": numberKind, "exclusiveMinimum": numberKind,
}

// compileShape reads a schema. An error names the keyword and the member.
func compileShape(text []byte) (*shape, error) {
	return shapeCompiler{}.compile(text)
}

// shapeCompiler keeps the regular expressions: most members are ids, of one pattern.
type shapeCompiler map[string]*regexp.Regexp

func (c shapeCompiler) compile(text []byte) (*shape, error) {
	var said map[string]json.RawMessage
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	s := &shape{}
	switch name := string(said["type"]); name {
	case `"object"`:
		s.kind = objectKind
	case `"string"`:
		s.kind = textKind
	case `"number"`:
		s.kind = numberKind
	default:
		return nil, fmt.Errorf("type is %s, not object, string or number", name)
	}
	for _, keyword := range slices.Sorted(maps.Keys(said)) {
		if of, ok := keywords[keyword]; !ok || of != noKind && of != s.kind {
			return nil, fmt.Errorf("keyword %q: schemas of events don't have it here", keyword)
		}
		if err := c.take(s, keyword, said[keyword]); err != nil {
			return nil, fmt.Errorf("keyword %q: %w", keyword, err)
		}
	}
	return s, nil
}

func (c shapeCompiler) take(s *shape, keyword string, value json.RawMessage) error {
	switch keyword {
	case "description":
		return json.Unmarshal(value, &s.description)
	case "required":
		return json.Unmarshal(value, &s.required)
	case "properties":
		return c.takeMembers(s, value)
	case "minLength":
		return json.Unmarshal(value, &s.minLength)
	case "maxLength":
		return json.Unmarshal(value, &s.maxLength)
	case "pattern":
		return c.takePattern(s, value)
	case "format":
		if s.isTime = string(value) == `"date-time"`; !s.isTime {
			return fmt.Errorf("%s is not date-time", value)
		}
	case "enum":
		return json.Unmarshal(value, &s.oneOf)
	case "minimum":
		return takeBound(&s.minimum, value)
	case "maximum":
		return takeBound(&s.maximum, value)
	case "exclusiveMinimum":
		return takeBound(&s.above, value)
	}
	return nil
}

func (c shapeCompiler) takeMembers(s *shape, value json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil {
		return err //nolint:wrapcheck // the caller names the keyword
	}
	s.names, s.members = slices.Sorted(maps.Keys(members)), make(map[string]*shape, len(members))
	for _, name := range s.names {
		inner, err := c.compile(members[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.members[name] = inner
	}
	return nil
}

func (c shapeCompiler) takePattern(s *shape, value json.RawMessage) error {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return err //nolint:wrapcheck // the caller names the keyword
	}
	if c[text] == nil {
		pattern, err := regexp.Compile(text)
		if err != nil {
			return err //nolint:wrapcheck // it tells the pattern
		}
		c[text] = pattern
	}
	s.pattern = c[text]
	return nil
}

func takeBound(to **decimal, value json.RawMessage) error {
	d, ok := parseDecimal([]byte(value))
	if !ok {
		return errors.New("not a number")
	}
	*to = &d
	return nil
}

// faults lists what is wrong with a decoded value (numbers are json.Number) at a path: one fault for each place, in the
// words of the schema.
func (s *shape) faults(v any, path string, faults []ops.Fault) []ops.Fault {
	object, ok := v.(map[string]any)
	if s.kind != objectKind || !ok {
		if s.holds(v) {
			return faults
		}
		return append(faults, s.fault(path, string(shown(mustJSON(v)))))
	}
	for _, name := range s.required {
		if _, ok := object[name]; !ok {
			missing := s.members[name]
			if missing == nil {
				missing = &shape{}
			}
			faults = append(faults, missing.fault(path+"."+name, "nothing"))
		}
	}
	for _, name := range s.names {
		if member, ok := object[name]; ok {
			faults = s.members[name].faults(member, path+"."+name, faults)
		}
	}
	return faults
}

func (s *shape) fault(path, got string) ops.Fault {
	expected := s.description
	if expected == "" {
		expected = "a value that its schema allows"
	}
	return ops.Fault{Path: path, Expected: expected, Got: got}
}

// holds says whether a value that is no object is as it should be.
func (s *shape) holds(v any) bool {
	switch v := v.(type) {
	case string:
		return s.kind == textKind && s.holdsText(v)
	case json.Number:
		d, ok := parseDecimal(v.String())
		return ok && s.kind == numberKind && s.holdsNumber(&d)
	}
	return false
}

func (s *shape) holdsText(v string) bool {
	if s.minLength > 0 || s.maxLength > 0 {
		n := utf8.RuneCountInString(v)
		if n < s.minLength || s.maxLength > 0 && n > s.maxLength {
			return false
		}
	}
	if s.isTime {
		// Leap seconds are no times here, though RFC 3339 has them: nothing else of the program can read them.
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return false
		}
	}
	return (s.pattern == nil || s.pattern.MatchString(v)) && (s.oneOf == nil || slices.Contains(s.oneOf, v))
}

func (s *shape) holdsNumber(d *decimal) bool {
	return (s.minimum == nil || d.compare(s.minimum) >= 0) && (s.maximum == nil || d.compare(s.maximum) <= 0) &&
		(s.above == nil || d.compare(s.above) > 0)
}
