package console

import (
	"encoding/json"
	"slices"
	"strings"

	"opsflow/shared/ops"
)

// called is what people call a workflow: its name, with the template's in words when nobody gave it another.
func called(i *ops.Instance) string {
	if rest, ok := strings.CutPrefix(i.Name, i.Template); ok {
		return words(i.Template) + rest
	}
	return i.Name
}

// briefly is what a list calls it, where what it is about stands beside.
func briefly(i *ops.Instance) string {
	return strings.TrimSpace(strings.TrimSuffix(called(i), " "+i.Subject.ID))
}

// fact is a value with its name, in words.
type fact struct{ Name, Text string }

// maxDepth is how deep values lie in each other that are shown one by one.
const maxDepth = 4

// flat lists the values of a record one by one, those inside of others with the names of both: "Location, area".
func flat(values map[string]json.RawMessage) []fact {
	var list []fact
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, facts(words(name), values[name], maxDepth)...)
	}
	return list
}

func facts(name string, raw json.RawMessage, depth int) []fact {
	if object, err := members(raw); err == nil && len(object) > 0 && depth > 0 {
		var list []fact
		for _, m := range object {
			list = append(list, facts(name+", "+strings.ToLower(words(m.Name)), m.Value, depth-1)...)
		}
		return list
	}
	var several []json.RawMessage
	if json.Unmarshal(raw, &several) == nil && !strings.Contains(string(raw), "{") {
		texts := make([]string, len(several))
		for i, v := range several {
			texts[i] = plain(v)
		}
		return []fact{{name, strings.Join(texts, ", ")}}
	}
	return []fact{{name, value(raw)}}
}

// detail is a part of what happened, in words, with the page that it leads to.
type detail struct{ Name, Text, URL string }

// details says what an entry of a history tells besides.
func details(e ops.HistoryEntry) []detail {
	object, err := members(e.Detail)
	if err != nil {
		return nil
	}
	var list []detail
	for _, m := range object {
		for _, f := range facts(words(m.Name), m.Value, maxDepth) {
			if f.Text == "" || f.Text == "null" {
				continue
			}
			d := detail{Name: f.Name, Text: f.Text}
			switch m.Name {
			case "task":
				d.Text, d.URL = "its page", "/tasks/"+f.Text
			case "vendor":
				d.URL = "/vendors/" + f.Text
			case "event":
				if strings.HasPrefix(f.Text, "evt-") {
					d.Text, d.URL = "its page", "/events/"+f.Text
				}
			case "team", "outcome":
				d.Text = words(f.Text)
			}
			list = append(list, d)
		}
	}
	return list
}
