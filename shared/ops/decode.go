package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Decode reads JSON into v, a pointer to a struct of this package, as people write it. Every field that v does not have
// (names are case-sensitive) and every value of the wrong type is a fault with its path; v then has all but these, so that
// the rest can be checked as well: see JoinFaults. read is false when there was nothing to read, because b is no JSON object.
// Fields that are named in ignored may be there, and are not read.
func Decode(b []byte, v any, ignored ...string) (faults []Fault, read bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil || object == nil {
		return []Fault{{Path: "$", Expected: "one JSON object", Got: shorten(string(b))}}, false
	}
	d := &decoder{ignored: ignored}
	if kept, ok := d.keep(b, reflect.TypeOf(v).Elem(), "$"); ok {
		b = kept
	}
	if err := json.Unmarshal(b, v); err != nil {
		return append(d.faults, Fault{Path: "$", Expected: "readable", Got: err.Error()}), false
	}
	return d.faults, true
}

// DecodeStrict is Decode for input that is not checked any further: with any fault the error is CodeInvalid and v is not
// to be used. What names the input in the error's message.
func DecodeStrict(what string, b []byte, v any) error {
	faults, _ := Decode(b, v)
	return Invalid(what, faults)
}

// JoinFaults adds what is wrong with a value to what could not be read of it. What was not read is missing from the value:
// what is said about its place for that reason is left out.
func JoinFaults(unread, faults []Fault) []Fault {
	all := slices.Clone(unread)
	for _, f := range faults {
		if !slices.ContainsFunc(unread, func(u Fault) bool { return within(f.Path, u.Path) }) {
			all = append(all, f)
		}
	}
	return all
}

// within says whether a path is another one or leads into it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// decoder finds what can't be read.
type decoder struct {
	faults  []Fault
	ignored []string // fields of the outermost object
}

// keep gives the part of a value that a type can take, the value itself if that is all; ok is false when nothing is.
func (d *decoder) keep(raw json.RawMessage, t reflect.Type, path string) (kept json.RawMessage, ok bool) {
	raw = bytes.TrimSpace(raw)
	if t == reflect.TypeFor[json.RawMessage]() || string(raw) == "null" && t.Kind() != reflect.Struct {
		return raw, true
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return d.leaf(raw, t, path)
	}
	switch t.Kind() { //nolint:exhaustive // the other kinds are values without parts
	case reflect.Pointer:
		return d.keep(raw, t.Elem(), path)
	case reflect.Struct, reflect.Map:
		return d.object(raw, t, path)
	case reflect.Slice:
		return d.list(raw, t.Elem(), path)
	}
	return d.leaf(raw, t, path)
}

func (d *decoder) object(raw json.RawMessage, t reflect.Type, path string) (json.RawMessage, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return d.wrong(path, "an object", raw)
	}
	var fields map[string]reflect.Type
	if t.Kind() == reflect.Struct {
		fields = jsonFields(t)
	}
	before := len(d.faults)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := path + "." + name
		field, known := fields[name]
		switch {
		case path == "$" && slices.Contains(d.ignored, name):
			continue // nothing reads it
		case fields == nil:
			field = t.Elem()
		case !known:
			d.faults = append(d.faults, unknownField(at, name, fields, object[name]))
			delete(object, name)
			continue
		}
		kept, ok := d.keep(object[name], field, at)
		if object[name] = kept; !ok {
			delete(object, name)
		}
	}
	return d.again(raw, object, before)
}

func (d *decoder) list(raw json.RawMessage, element reflect.Type, path string) (json.RawMessage, bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return d.wrong(path, "a list", raw)
	}
	before := len(d.faults)
	for i, e := range list {
		kept, ok := d.keep(e, element, fmt.Sprintf("%s[%d]", path, i))
		if list[i] = kept; !ok {
			list[i] = json.RawMessage("null") // the others keep their places
		}
	}
	return d.again(raw, list, before)
}

// again writes a value of which something was taken away since there were so many faults.
func (d *decoder) again(raw json.RawMessage, v any, before int) (json.RawMessage, bool) {
	if len(d.faults) == before {
		return raw, true
	}
	b, err := json.Marshal(v)
	return b, err == nil
}

func (d *decoder) leaf(raw json.RawMessage, t reflect.Type, path string) (json.RawMessage, bool) {
	if json.Unmarshal(raw, reflect.New(t).Interface()) == nil {
		return raw, true
	}
	expected := "a value of another type"
	own, ok := reflect.Zero(t).Interface().(interface{ expected() string })
	switch {
	case ok:
		expected = own.expected()
	case t == reflect.TypeFor[Duration]():
		expected = `a duration like "90m", "24h" or "8bh"`
	case t.Kind() == reflect.Struct:
		expected = "an RFC 3339 time"
	case t.Kind() == reflect.String:
		expected = "a text"
	case t.Kind() == reflect.Bool:
		expected = "true or false"
	case t.Kind() == reflect.Float64:
		expected = "a number"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		expected = "a whole number"
	}
	return d.wrong(path, expected, raw)
}

func (d *decoder) wrong(path, expected string, raw json.RawMessage) (json.RawMessage, bool) {
	d.faults = append(d.faults, Fault{Path: path, Expected: expected, Got: shorten(string(raw))})
	return nil, false
}

func unknownField(path, name string, fields map[string]reflect.Type, raw json.RawMessage) Fault {
	f := Fault{Path: path, Problem: "unknown field", Expected: "left out", Got: shorten(string(raw))}
	if near := Nearest(name, slices.Sorted(maps.Keys(fields))); near != "" {
		f.Problem += "; did you mean " + near + "?"
		f.Expected = "named " + near
	}
	return f
}

// jsonFields gives the fields of a struct by their JSON names; a field of an embedded struct only where the outer one
// has none of that name.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		if f.Anonymous && f.Tag.Get("json") == "" && f.Type.Kind() == reflect.Struct {
			for name, inner := range jsonFields(f.Type) {
				if _, ok := fields[name]; !ok {
					fields[name] = inner
				}
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	return fields
}
