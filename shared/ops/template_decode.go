package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// DecodeTemplate reads a template as people write it, strictly: a field that does not exist or has the wrong type is a
// fault, and all faults are told at once (CodeInvalid). Priority is 5 when it is not given. It says nothing yet about
// whether the template makes sense: see Faults.
func DecodeTemplate(b []byte) (*Template, error) {
	t := &Template{Priority: 5}
	if err := DecodeStrict("template", b, t); err != nil {
		return nil, err
	}
	return t, nil
}

// DecodeStrict reads JSON into v, a pointer to a struct of this package. Every field that v does not have (names are
// case-sensitive) and every value of the wrong type is a fault with its path; with any fault the error is CodeInvalid
// and v is not to be used. What names the input in the error's message.
func DecodeStrict(what string, b []byte, v any) error {
	if !json.Valid(b) {
		return Invalid(what, []Fault{{Path: "$", Expected: "one JSON object", Got: shorten(string(b))}})
	}
	if faults := strictFaults(b, reflect.TypeOf(v).Elem(), "$"); len(faults) > 0 {
		return Invalid(what, faults)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return Errorf(CodeInvalid, "invalid %s: %w", what, err)
	}
	return nil
}

func strictFaults(raw json.RawMessage, t reflect.Type, path string) []Fault {
	raw = bytes.TrimSpace(raw)
	if t == reflect.TypeFor[json.RawMessage]() || string(raw) == "null" && t.Kind() != reflect.Struct {
		return nil
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return leafFaults(raw, t, path)
	}
	switch t.Kind() { //nolint:exhaustive // the other kinds are values without parts
	case reflect.Pointer:
		return strictFaults(raw, t.Elem(), path)
	case reflect.Struct, reflect.Map:
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object == nil {
			return []Fault{{path, "an object", shorten(string(raw))}}
		}
		return objectFaults(object, t, path)
	case reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return []Fault{{path, "a list", shorten(string(raw))}}
		}
		var faults []Fault
		for i, e := range list {
			faults = append(faults, strictFaults(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return faults
	}
	return leafFaults(raw, t, path)
}

func objectFaults(object map[string]json.RawMessage, t reflect.Type, path string) []Fault {
	var fields map[string]reflect.Type
	if t.Kind() == reflect.Struct {
		fields = jsonFields(t)
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	var faults []Fault
	for _, name := range names {
		at := path + "." + name
		if fields == nil {
			faults = append(faults, strictFaults(object[name], t.Elem(), at)...)
			continue
		}
		field, ok := fields[name]
		if !ok {
			faults = append(faults, Fault{at, "left out: there is no such field", shorten(string(object[name]))})
			continue
		}
		faults = append(faults, strictFaults(object[name], field, at)...)
	}
	return faults
}

func leafFaults(raw json.RawMessage, t reflect.Type, path string) []Fault {
	if json.Unmarshal(raw, reflect.New(t).Interface()) == nil {
		return nil
	}
	expected := "a value of another type"
	switch {
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
	return []Fault{{path, expected, shorten(string(raw))}}
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
