package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"opsflow/shared/local/constraint"
)

// Names that a template has without declaring them.
const (
	varRuleARN   = "aws.events.rule-arn"
	varRuleName  = "aws.events.rule-name"
	varIngestion = "aws.events.event.ingestion-time"
	varEvent     = "aws.events.event"
	varEventJSON = "aws.events.event.json"
)

// payload gives what a target is sent for an event.
func (t *Target) payload(r *rule, event []byte, now time.Time) ([]byte, error) {
	switch {
	case t.Input != "":
		return []byte(t.Input), nil
	case t.InputPath != "":
		p, err := parsePath(t.InputPath)
		if err != nil {
			return nil, err
		}
		if part, ok := p.in(event); ok {
			return part, nil
		}
		return []byte("null"), nil
	case t.InputTransformer != nil:
		out, err := t.InputTransformer.apply(r, event, now)
		if service := serviceOf(t.ARN); err == nil && (service == serviceLambda || service == serviceStates) && !json.Valid(out) {
			err = fmt.Errorf("the input transformer of rule %s makes no valid JSON: %.200s", r.Name, out)
		}
		return out, err
	}
	return event, nil
}

var variableName = regexp.MustCompile(`[A-Za-z0-9\_\-]+`)

// check refuses what breaks the constraints of the API.
func (x *InputTransformer) check(f *constraint.Faults, member string) {
	f.Required(member+".inputTemplate", x.InputTemplate)
	f.Length(member+".inputTemplate", x.InputTemplate, 0, 8192)
	if len(x.InputPathsMap) > 100 {
		f.Range(member+".inputPathsMap.size", len(x.InputPathsMap), 0, 100)
	}
	for _, name := range slices.Sorted(maps.Keys(x.InputPathsMap)) {
		f.Length(member+".inputPathsMap.key", name, 1, 256)
		f.Pattern(member+".inputPathsMap.key", name, variableName)
	}
}

// validate refuses a transformer that can make no JSON, or names what nobody declares.
func (x *InputTransformer) validate(target string) error {
	for _, name := range slices.Sorted(maps.Keys(x.InputPathsMap)) {
		if strings.HasPrefix(strings.ToUpper(name), "AWS") {
			return invalid("InputPathsMap for target %s contains reserved key %s: keys can't begin with AWS.", target, name)
		}
		if _, err := parsePath(x.InputPathsMap[name]); err != nil {
			return invalid("Invalid InputPath for target %s: %s.", target, err)
		}
	}
	for rest := x.InputTemplate; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			break
		}
		name, behind, ok := strings.Cut(after, ">")
		if ok && isVariable(name) && !x.declares(name) {
			return invalid("InputTemplate for target %s contains placeholder <%s>, which InputPathsMap does not have.", target, name)
		}
		if !ok {
			break
		}
		rest = behind
	}
	sample := x.fillIn(func(string) json.RawMessage { return json.RawMessage("0") })
	if at := badJSON(sample); at >= 0 {
		before := string(sample[:at])
		return invalid("Invalid InputTemplate for target %s : [Source: (String)\"%s\"; line: %d, column: %d].", target, x.InputTemplate,
			strings.Count(before, "\n")+1, at-strings.LastIndexByte(before, '\n'))
	}
	return nil
}

// badJSON gives the place at which a text ceases to be JSON values, one behind the other; -1 when all of it is. At least one is
// needed.
func badJSON(text []byte) int {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		var v json.RawMessage
		err := decoder.Decode(&v)
		var wrong *json.SyntaxError
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return -1
		case errors.As(err, &wrong):
			return min(int(max(wrong.Offset-1, 0)), len(text))
		case err != nil:
			return len(text)
		}
	}
}

func isVariable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c)
	})
}

func (x *InputTransformer) declares(name string) bool {
	switch name {
	case varRuleARN, varRuleName, varIngestion, varEvent, varEventJSON:
		return true
	}
	_, ok := x.InputPathsMap[name]
	return ok
}

func (x *InputTransformer) value(name string, r *rule, event []byte, now time.Time) json.RawMessage {
	switch name {
	case varRuleARN:
		return quote(r.ARN)
	case varRuleName:
		return quote(r.Name)
	case varIngestion:
		return quote(now.UTC().Format(time.RFC3339))
	case varEvent:
		return withoutDetail(event)
	case varEventJSON:
		return event
	}
	p, err := parsePath(x.InputPathsMap[name])
	if err != nil {
		return nil
	}
	v, _ := p.in(event)
	return v
}

// withoutDetail gives an event, as Event.text writes it, without its detail, which is its last member.
func withoutDetail(event []byte) json.RawMessage {
	if i := bytes.Index(event, []byte(`,"detail":`)); i >= 0 { // quotes in texts have a backslash before them
		return append(bytes.Clone(event[:i]), '}')
	}
	return event
}

// apply fills in the template with what is in an event. What comes out is JSON, or several JSON values.
func (x *InputTransformer) apply(r *rule, event []byte, now time.Time) ([]byte, error) {
	out := x.fillIn(func(name string) json.RawMessage { return x.value(name, r, event, now) })
	if badJSON(out) >= 0 {
		return nil, fmt.Errorf("the input transformer of rule %s makes no valid JSON: %.200s", r.Name, out)
	}
	return out, nil
}

// fillIn fills in the template. Outside of quotes a variable stands for its JSON value (null when the event has none),
// inside for its text (nothing then).
func (x *InputTransformer) fillIn(value func(name string) json.RawMessage) []byte {
	var out bytes.Buffer
	quoted := false
	text := x.InputTemplate
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quoted && i+1 < len(text):
			out.WriteString(text[i : i+2])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case c == '<':
			name, _, ok := strings.Cut(text[i+1:], ">")
			if ok && x.declares(name) {
				fill(&out, value(name), quoted)
				i += len(name) + 1
				continue
			}
		}
		out.WriteByte(c)
	}
	return out.Bytes()
}

func fill(out *bytes.Buffer, v json.RawMessage, quoted bool) {
	switch {
	case !quoted && v == nil:
		out.WriteString("null")
	case !quoted:
		out.Write(v)
	case len(v) > 0 && v[0] == '"':
		out.Write(v[1 : len(v)-1])
	default:
		text := quote(string(v))
		out.Write(text[1 : len(text)-1])
	}
}
