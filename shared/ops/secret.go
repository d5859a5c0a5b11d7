package ops

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Masked stands where a secret is.
const Masked = "***"

// Mask hides secrets in what people see and in what is kept only to be seen: the values at its paths, and all that is named as
// secrets are. Steps work on the values themselves.
type Mask struct{ paths [][]string }

// NewMask makes a mask of paths: "$.context.code", "$.steps.ask.output.form.code". A path leads through every element of a list.
func NewMask(paths []string) Mask {
	var m Mask
	for _, p := range paths {
		m.paths = append(m.paths, strings.Split(strings.TrimPrefix(p, "$."), "."))
	}
	return m
}

// JSON masks what a value at a path holds. What is no JSON stays as it is.
func (m Mask) JSON(v json.RawMessage, at ...string) json.RawMessage {
	if len(v) == 0 || len(m.paths) == 0 && !mayHide(v) {
		return v
	}
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return v
	}
	if m.named(at) && doc != nil {
		return maskedJSON()
	}
	if !m.hide(doc, at) {
		return v
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return v
	}
	return b
}

// Fields masks an object's members.
func (m Mask) Fields(object map[string]json.RawMessage, at ...string) map[string]json.RawMessage {
	masked := maps.Clone(object)
	for name, v := range masked {
		path := append(slices.Clip(at), name)
		if m.Hides(path...) && string(v) != "null" {
			masked[name] = maskedJSON()
		} else {
			masked[name] = m.JSON(v, path...)
		}
	}
	return masked
}

// Hides reports whether what is at a path is a secret.
func (m Mask) Hides(path ...string) bool {
	return len(path) > 0 && secretName(path[len(path)-1]) || m.named(path)
}

// hide masks what a decoded value at a path holds, and reports whether there was anything to mask.
func (m Mask) hide(v any, at []string) bool {
	hidden := false
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			path := append(slices.Clip(at), name)
			if member != nil && m.Hides(path...) {
				v[name], hidden = Masked, true
			} else if m.hide(member, path) {
				hidden = true
			}
		}
	case []any:
		for _, member := range v {
			if m.hide(member, at) {
				hidden = true
			}
		}
	}
	return hidden
}

func (m Mask) named(path []string) bool {
	return slices.ContainsFunc(m.paths, func(p []string) bool { return slices.Equal(p, path) })
}

func maskedJSON() json.RawMessage { return json.RawMessage(`"` + Masked + `"`) }

// secretWords are the words by which names tell that they are secrets', in the singular.
var secretWords = []string{ //nolint:gochecknoglobals // a table
	"password", "passwd", "passcode", "passphrase", "secret", "token", "credential", "card", "cvv", "cvc", "iban", "pin", "otp", "ssn",
	"apikey", "accesskey", "privatekey",
}

// secretName reports whether a name has a word that only secrets have: card_number, apiKey, PIN.
func secretName(name string) bool {
	words := wordsOf(name)
	for n, w := range words {
		if slices.Contains(secretWords, strings.TrimSuffix(w, "s")) || n > 0 && slices.Contains(secretWords, words[n-1]+w) {
			return true
		}
	}
	return false
}

// wordsOf gives the words of a name in lower case: at every sign, and where a capital follows a small letter.
func wordsOf(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words, word = append(words, string(word)), nil
		}
	}
	small := false
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			end()
			continue
		}
		if small && unicode.IsUpper(c) {
			end()
		}
		small = !unicode.IsUpper(c)
		word = append(word, unicode.ToLower(c))
	}
	end()
	return words
}

// mayHide reports, without reading the JSON, whether a name in it may be a secret's: most have none.
func mayHide(v json.RawMessage) bool {
	lower := bytes.ToLower(v)
	return slices.ContainsFunc([]string{"pass", "secret", "token", "credential", "card", "cv", "iban", "pin", "otp", "ssn", "key"}, func(w string) bool {
		return bytes.Contains(lower, []byte(w))
	})
}

// SecretPaths are the paths of a template's secrets: those that it lists, and what people fill in where a form says writeOnly
// or x-secret.
func (t *Template) SecretPaths() []string {
	paths := slices.Clone(t.Secrets)
	for n := range t.Steps {
		s := &t.Steps[n]
		var form any
		if len(s.Form) == 0 || json.Unmarshal(s.Form, &form) != nil {
			continue
		}
		output := "$.steps." + s.ID + ".output"
		paths = append(paths, formSecrets(form, output+".form", nil)...)
		if s.Quorum > 1 {
			paths = append(paths, formSecrets(form, output+".decisions.answers", nil)...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// formSecrets finds the secrets of what a JSON Schema describes, at a path.
func formSecrets(schema any, at string, found []string) []string {
	switch s := schema.(type) {
	case []any:
		for _, one := range s {
			found = formSecrets(one, at, found)
		}
	case map[string]any:
		if s["writeOnly"] == true || s["x-secret"] == true {
			return append(found, at)
		}
		if properties, ok := s["properties"].(map[string]any); ok {
			for name, one := range properties {
				found = formSecrets(one, at+"."+name, found)
			}
		}
		for _, word := range []string{"items", "prefixItems", "allOf", "anyOf", "oneOf", "if", "then", "else"} {
			found = formSecrets(s[word], at, found)
		}
	}
	return found
}

// Masked gives a copy of the instance without its secrets.
func (i *Instance) Masked() *Instance {
	m, v := NewMask(i.Secrets), *i
	v.Context, v.Steps = m.Fields(i.Context, "context"), slices.Clone(i.Steps)
	for n := range v.Steps {
		s := &v.Steps[n]
		s.Output = m.JSON(s.Output, "steps", s.ID, "output")
	}
	return &v
}

// Masked gives a copy of the task without its secrets.
func (t *Task) Masked() *Task {
	m, v := NewMask(t.Secrets), *t
	answers := func(a json.RawMessage) json.RawMessage { return m.JSON(a, "steps", t.Step, "output", "form") }
	v.Answers, v.Decisions = answers(t.Answers), slices.Clone(t.Decisions)
	for n := range v.Decisions {
		v.Decisions[n].Answers = answers(v.Decisions[n].Answers)
	}
	return &v
}
