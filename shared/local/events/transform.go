package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
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
		return t.InputTransformer.apply(r, event, now)
	}
	return event, nil
}

func (x *InputTransformer) validate() error {
	if x.InputTemplate == "" {
		return errors.New("InputTemplate is required")
	}
	if len(x.InputPathsMap) > 100 {
		return errors.New("InputPathsMap has more than 100 entries")
	}
	for name, text := range x.InputPathsMap {
		if name == "" || strings.ContainsAny(name, "<>") {
			return fmt.Errorf("%q is no name for a variable", name)
		}
		if strings.HasPrefix(name, "AWS.") {
			return fmt.Errorf("variable %s has the reserved prefix AWS", name)
		}
		if _, err := parsePath(text); err != nil {
			return err
		}
	}
	for rest := x.InputTemplate; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return nil
		}
		name, behind, ok := strings.Cut(after, ">")
		if ok && isVariable(name) && !x.declares(name) {
			return fmt.Errorf("InputTemplate uses %s, which InputPathsMap does not have", name)
		}
		if !ok {
			return nil
		}
		rest = behind
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
	case varEvent, varEventJSON:
		return event
	}
	p, err := parsePath(x.InputPathsMap[name])
	if err != nil {
		return nil
	}
	v, _ := p.in(event)
	return v
}

// apply fills in the template. Outside of quotes a variable stands for its JSON value (null when the event has none),
// inside for its text (nothing then). What comes out must be JSON.
func (x *InputTransformer) apply(r *rule, event []byte, now time.Time) ([]byte, error) {
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
				fill(&out, x.value(name, r, event, now), quoted)
				i += len(name) + 1
				continue
			}
		}
		out.WriteByte(c)
	}
	if !json.Valid(out.Bytes()) {
		return nil, fmt.Errorf("the input transformer of rule %s makes no valid JSON: %.200s", r.Name, out.String())
	}
	return out.Bytes(), nil
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
