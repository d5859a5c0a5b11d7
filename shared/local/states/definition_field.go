package states

import (
	"encoding/json"
	"strconv"
	"strings"

	"opsflow/shared/local/states/value"
)

// fields reads the members of one object of a definition and reports what does not fit.
type fields struct {
	*diagnostics
	o  *value.Object
	at string
}

func (f fields) has(name string) bool {
	_, ok := f.o.Get(name)
	return ok
}

func (f fields) where(name string) string { return f.at + "/" + name }

func (f fields) text(name string) string {
	v, ok := f.o.Get(name)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		f.schema(f.where(name), "Expected value of type String")
	}
	return s
}

func (f fields) flag(name string) bool {
	v, ok := f.o.Get(name)
	if !ok {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		f.schema(f.where(name), "Expected value of type Boolean")
	}
	return b
}

// whole is a whole number of at least least; 0 when absent.
func (f fields) whole(name string, least int64) int64 {
	v, ok := f.o.Get(name)
	if !ok {
		return 0
	}
	n, ok := v.(json.Number)
	if ok {
		if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil && i >= least && i <= maxSeconds {
			return i
		}
	}
	f.schema(f.where(name), "Expected value of type Integer, from %d to %d", least, maxSeconds)
	return 0
}

func (f fields) decimal(name string, absent, least, most float64) float64 {
	v, ok := f.o.Get(name)
	if !ok {
		return absent
	}
	if n, ok := v.(json.Number); ok {
		if x, err := n.Float64(); err == nil && x >= least && x <= most {
			return x
		}
	}
	f.schema(f.where(name), "Expected value of type Number, from %v to %v", least, most)
	return absent
}

func (f fields) object(name string) (*value.Object, bool) {
	v, ok := f.o.Get(name)
	if !ok {
		return nil, false
	}
	o, ok := v.(*value.Object)
	if !ok {
		f.schema(f.where(name), "Expected value of type Object")
	}
	return o, ok
}

func (f fields) list(name string) []any {
	v, ok := f.o.Get(name)
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		f.schema(f.where(name), "Expected value of type Array")
	}
	return l
}

// path is a reference; null is reported by isNull.
func (f fields) path(name string) (ref *reference, isNull bool) {
	v, ok := f.o.Get(name)
	if !ok {
		return nil, false
	}
	if v == nil {
		return nil, true
	}
	s, ok := v.(string)
	if ok {
		r, err := parseReference(s)
		if err == nil {
			return r, false
		}
	}
	f.schema(f.where(name), "Value is not a valid JSONPath")
	return nil, false
}

// referencePath is a path that names one place in the input, as ResultPath must.
func (f fields) referencePath(name string) (ref *reference, isNull bool) {
	ref, isNull = f.path(name)
	if ref != nil && (ref.root != rootInput || !ref.path.IsReference()) {
		f.schema(f.where(name), "Value is not a Reference Path")
	}
	return ref, isNull
}

func (f fields) template(name string) template {
	v, ok := f.o.Get(name)
	if !ok {
		return nil
	}
	return parseTemplate(v, f.where(name), f.schema)
}

func (f fields) assign() assignment {
	o, ok := f.object("Assign")
	if !ok {
		return nil
	}
	out := make(assignment, 0, o.Len())
	for _, m := range o.Members() {
		f.variable(m.Key)
		out = append(out, parseField(m, f.where("Assign")+"/"+m.Key, f.schema))
	}
	return out
}

// pathOrCall is a template for a field such as ErrorPath, which holds a path or an intrinsic function.
func (f fields) pathOrCall(name string) template {
	s := f.text(name)
	e := &expression{field: name}
	var err error
	if strings.HasPrefix(s, "$") {
		e.ref, err = parseReference(s)
	} else {
		e.call, err = parseCall(s)
	}
	if err != nil {
		f.schema(f.where(name), "Value is not a valid JSONPath or intrinsic function call")
	}
	return e
}

// exclusive reports when more than one of the names is there, or none of them though one must be.
func (f fields) exclusive(required bool, names ...string) {
	n := 0
	for _, name := range names {
		if f.has(name) {
			n++
		}
	}
	switch {
	case n > 1 && !required:
		f.schema(f.at, "There should only be one of the following fields: [%s]", strings.Join(names, ", "))
	case n > 1 || n == 0 && required:
		f.schema(f.at, "Exactly one of these fields is expected: [%s]", strings.Join(names, ", "))
	}
}
