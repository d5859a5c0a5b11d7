package rule

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Doc is what conditions and paths look into: raw JSON by the first word of a path. A rule sees detail, subject and event; a
// workflow step context, steps and subject. Each value must be valid JSON.
type Doc map[string]json.RawMessage

// Lookup gives the value at a path like "detail.location.area"; a whole number as a word is a place in a list. nil when there
// is none. The words are names of members: one that contains a dot can't be reached.
func (d Doc) Lookup(path string) json.RawMessage {
	word, rest, more := strings.Cut(path, ".")
	return d.walk(word, rest, more)
}

func (d Doc) walk(word, rest string, more bool) json.RawMessage {
	v := []byte(d[word])
	for more && v != nil {
		word, rest, more = strings.Cut(rest, ".")
		v = step(v, word)
	}
	if v == nil {
		return nil
	}
	i := skipSpace(v, 0)
	return v[i:skipValue(v, i)]
}

// lookIn gives the value at words inside of a value; "" is the value itself.
func lookIn(v []byte, words string) []byte {
	for words != "" && v != nil {
		var word string
		word, words, _ = strings.Cut(words, ".")
		v = step(v, word)
	}
	return v
}

func step(v []byte, word string) []byte {
	i := skipSpace(v, 0)
	if i < len(v) && v[i] == '[' {
		return element(v, placeIn(word))
	}
	return find(v, word)
}

// placeIn is a word of a path as the place of an element; -1 when it is a name only.
func placeIn(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || strconv.Itoa(n) != word {
		return -1
	}
	return n
}

// Resolve fills in a value of an action or a step: a text that begins with "$." is a path into doc and becomes the value
// there, "$$." is a literal "$.", and lists and objects are filled in at every depth. ok is false when v itself is a path to
// nothing; inside an object such a member is left out, inside a list it is null.
func Resolve(v json.RawMessage, doc Doc) (resolved json.RawMessage, ok bool) {
	if !strings.Contains(string(v), "$") && !strings.Contains(string(v), `\`) {
		return v, true
	}
	switch kindOf(v) {
	case textKind:
		return resolveText(v, doc)
	case listKind:
		return resolveList(v, doc), true
	case objectKind:
		return resolveObject(v, doc), true
	case noKind, nullKind, boolKind, numberKind:
	}
	return v, true
}

// ResolveAll fills in every value; a path to nothing is left out. nil for no values.
func ResolveAll(values map[string]json.RawMessage, doc Doc) map[string]json.RawMessage {
	if values == nil {
		return nil
	}
	out := make(map[string]json.RawMessage, len(values))
	for name, v := range values {
		if r, ok := Resolve(v, doc); ok {
			out[name] = r
		}
	}
	return out
}

func resolveText(v json.RawMessage, doc Doc) (json.RawMessage, bool) {
	var s string
	if json.Unmarshal(v, &s) != nil {
		return v, true
	}
	if path, ok := strings.CutPrefix(s, "$."); ok {
		found := doc.Lookup(path)
		return found, found != nil
	}
	if strings.HasPrefix(s, "$$.") {
		return mustJSON(s[1:]), true
	}
	return v, true
}

func resolveList(v json.RawMessage, doc Doc) json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(v, &list) != nil {
		return v
	}
	for i, e := range list {
		r, ok := Resolve(e, doc)
		if !ok {
			r = json.RawMessage("null")
		}
		list[i] = r
	}
	return mustJSON(list)
}

func resolveObject(v json.RawMessage, doc Doc) json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(v, &object) != nil {
		return v
	}
	return mustJSON(ResolveAll(object, doc))
}

// mustJSON writes values that can't fail to be written: texts, and raw JSON that was read before.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}
