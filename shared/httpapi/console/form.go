package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// formField is one field of a form, made of one property of its JSON Schema.
type formField struct {
	Name     string
	Label    string
	Help     string
	Type     string // text, area, number, integer, yesno, choice, vendor, json; or an input's own: email, date, url
	Required bool
	Choices  []option
	Others   []option // choices that are advised against
	See      string   // where to read more about the choices
	Min, Max string   // of a number
	MaxLen   int
	Value    string
	Fault    string // what is wrong with the value
}

// property is what we read of a property's schema; the rest is checked when the form is sent.
type property struct {
	Type        any               `json:"type"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Format      string            `json:"format"`
	Enum        []json.RawMessage `json:"enum"`
	Default     json.RawMessage   `json:"default"`
	Minimum     *json.Number      `json:"minimum"`
	Maximum     *json.Number      `json:"maximum"`
	MaxLength   int               `json:"maxLength"`
}

// longText is from what length on a text gets an area.
const longText = 300

// formFields lays out a schema's properties, in the order in which it has them. None without a schema.
func formFields(schema json.RawMessage) ([]formField, error) {
	var s struct {
		Properties json.RawMessage `json:"properties"`
		Required   []string        `json:"required"`
	}
	if len(schema) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, err
	}
	properties, err := members(s.Properties)
	if err != nil {
		return nil, err
	}
	fields := make([]formField, 0, len(properties))
	for _, m := range properties {
		var p property
		if err := json.Unmarshal(m.Value, &p); err != nil {
			return nil, fmt.Errorf("property %s: %w", m.Name, err)
		}
		f := p.field()
		f.Name, f.Required = m.Name, slices.Contains(s.Required, m.Name)
		if f.Label == "" {
			f.Label = words(m.Name)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (p property) field() formField {
	f := formField{Label: p.Title, Help: p.Description, Type: "json", MaxLen: p.MaxLength, Value: plain(p.Default)}
	if p.Minimum != nil {
		f.Min = p.Minimum.String()
	}
	if p.Maximum != nil {
		f.Max = p.Maximum.String()
	}
	kind, _ := p.Type.(string)
	switch {
	case len(p.Enum) > 0:
		f.Type = "choice"
		for _, e := range p.Enum {
			f.Choices = append(f.Choices, option{string(e), words(plain(e))})
		}
		f.Value = string(p.Default)
	case kind == "boolean":
		f.Type = "yesno"
	case kind == "number", kind == "integer":
		f.Type = kind
	case kind == "string" && p.MaxLength >= longText:
		f.Type = "area"
	case kind == "string":
		f.Type = "text"
		if slices.Contains([]string{"email", "date", "vendor"}, p.Format) {
			f.Type = p.Format
		}
	}
	return f
}

// plain is a JSON value as people write it: a text without its quotes.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// members lists the members of a JSON object in the order in which it has them.
func members(object json.RawMessage) ([]contextField, error) {
	if len(object) == 0 || string(object) == "null" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("it is not a JSON object: %.80s", object)
	}
	var list []contextField
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		text, _ := name.(string)
		list = append(list, contextField{text, value})
	}
	return list, nil
}

// fieldPrefix keeps a form's fields apart from ours (outcome, comment).
const fieldPrefix = "form."

// readForm makes the answers of what was sent, and keeps what was sent in the fields. What is left empty is no answer; what
// is not of its type goes on as a text, which the form's schema then refuses with its own words.
func readForm(q *request, fields []formField) (json.RawMessage, error) {
	answers := map[string]any{}
	for i := range fields {
		f := &fields[i]
		f.Value = strings.TrimSpace(q.PostForm.Get(fieldPrefix + f.Name))
		if f.Value != "" {
			answers[f.Name] = f.answer()
		}
	}
	if len(answers) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(answers)
	if err != nil {
		return nil, fmt.Errorf("read the form: %w", err)
	}
	return text, nil
}

func (f *formField) answer() any {
	switch f.Type {
	case "number", "integer":
		if _, err := strconv.ParseFloat(f.Value, 64); err == nil && json.Valid([]byte(f.Value)) {
			return json.Number(f.Value)
		}
	case "yesno":
		if b, err := strconv.ParseBool(f.Value); err == nil {
			return b
		}
	case "choice", "json":
		if json.Valid([]byte(f.Value)) {
			return json.RawMessage(f.Value)
		}
	}
	return f.Value
}
