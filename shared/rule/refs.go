package rule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsflow/shared/ops"
)

// eachRef calls f with every path that the action of a rule takes a value from, and where it stands in the rule: texts that
// begin with "$." in what it is given, at every depth. Those of conditions are not among them.
func eachRef(a *ops.Action, path string, f func(at, ref string)) {
	text := func(at, s string) {
		if ref, ok := strings.CutPrefix(s, "$."); ok {
			f(at, ref)
		}
	}
	text(path+".once_per", a.OncePer)
	eachRefIn(a.Input, path+".input", text)
	text(path+".subject.id", a.Subject.ID)
	text(path+".title", a.Title)
	eachRefIn(a.Detail, path+".detail", text)
}

func eachRefIn(members map[string]json.RawMessage, path string, text func(at, s string)) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		eachText(members[name], path+"."+name, text)
	}
}

// eachText calls f with every text in a value.
func eachText(v json.RawMessage, path string, f func(at, s string)) {
	switch kindOf(v) {
	case textKind:
		if s, ok := unquote(v); ok {
			f(path, s)
		}
	case listKind:
		eachElement(v, func(n int, element []byte) bool {
			eachText(element, fmt.Sprintf("%s[%d]", path, n), f)
			return true
		})
	case objectKind:
		var members map[string]json.RawMessage
		if json.Unmarshal(v, &members) == nil {
			eachRefIn(members, path, f)
		}
	case noKind, nullKind, boolKind, numberKind:
	}
}
