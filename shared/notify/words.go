package notify

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"opsflow/shared/ops"
)

// messages holds the message templates: files named after them whose first line is the title, and the rest the text.
//
//go:embed messages
var messages embed.FS

// generic is the message template that stands in for any that there is no file of.
const generic = "generic"

// Templates lists the message templates. A notification may name others: it is then worded in general terms.
func Templates() []string {
	entries, err := messages.ReadDir("messages")
	if err != nil {
		return nil // the directory is part of the program
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".txt")
	}
	return names
}

// words gives a notification's title and text.
func words(n *ops.Notification) (title, text string, err error) {
	name := n.Template
	source, err := messages.ReadFile("messages/" + name + ".txt")
	if err != nil {
		if source, err = messages.ReadFile("messages/" + generic + ".txt"); err != nil {
			return "", "", err
		}
	}
	t, err := template.New(name).Parse(string(source))
	if err != nil {
		return "", "", err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view{n}); err != nil {
		return "", "", err
	}
	title, text, _ = strings.Cut(out.String(), "\n")
	return strings.TrimSpace(title), strings.TrimSpace(text), nil
}

// view is what a message template sees.
type view struct{ n *ops.Notification }

// Name is the message template's name for people: "payment_overdue" is "Payment overdue".
func (v view) Name() string {
	s := strings.ReplaceAll(v.n.Template, "_", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// About names the subject: "booking bk-1"; "" when there is none.
func (v view) About() string {
	if v.n.Subject.IsZero() {
		return ""
	}
	return v.n.Subject.Type + " " + v.n.Subject.ID
}

// Get gives the value at a path into the data ("customer.name") as text; otherwise when there is none.
func (v view) Get(path, otherwise string) string {
	name, rest, deeper := strings.Cut(path, ".")
	raw := v.n.Data[name]
	for deeper && raw != nil {
		name, rest, deeper = strings.Cut(rest, ".")
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return otherwise
		}
		raw = object[name]
	}
	if s := plain(raw); s != "" {
		return s
	}
	return otherwise
}

// Lines gives all data, one "name: value" each, ordered by name.
func (v view) Lines() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(v.n.Data)) {
		if s := plain(v.n.Data[name]); s != "" {
			lines = append(lines, fmt.Sprintf("%s: %s", strings.ReplaceAll(name, "_", " "), s))
		}
	}
	return lines
}

// plain writes a JSON value for people: a text as it is, anything else as JSON; nothing for null.
func plain(raw json.RawMessage) string {
	var text string
	switch {
	case raw == nil || string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}
