package attribute

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/table/jsonscan"
)

// Error says what is wrong with a value, in DynamoDB's words.
type Error struct {
	Message string
	Syntax  bool // the JSON has another shape than the notation: a SerializationException
}

func (e *Error) Error() string { return e.Message }

func faultf(format string, args ...any) *Error { return &Error{Message: fmt.Sprintf(format, args...)} }

func syntaxf(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Syntax: true}
}

// maxDepth is how many lists and maps may be around a value.
const maxDepth = 31

// TooDeep is how what is nested deeper is refused.
const TooDeep = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"

// ParseItem reads a JSON object of values in DynamoDB's notation; the text is valid JSON. With names it reads only the
// attributes of these.
func ParseItem(text []byte, only ...string) (Item, error) { return parseMap(text, 1, only) }

func parseMap(text []byte, depth int, only []string) (Item, error) {
	if kind, _ := jsonscan.New(text).Next(); kind != jsonscan.ObjectBegin {
		return nil, syntaxf("Unexpected value type in payload")
	}
	item := Item{}
	for name, raw := range jsonscan.Fields(text) {
		if only != nil && !slices.Contains(only, name) {
			continue
		}
		if name == "" {
			return nil, faultf("Empty attribute name")
		}
		if string(raw) == "null" {
			return nil, faultf("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
		}
		v, err := parse(raw, depth)
		if err != nil {
			return nil, err
		}
		item[name] = v
	}
	return item, nil
}

// Parse reads one value in DynamoDB's notation; the text is valid JSON. An error is an *Error.
func Parse(text []byte) (Value, error) { return parse(text, 1) }

func parse(text []byte, depth int) (Value, error) {
	if kind, _ := jsonscan.New(text).Next(); kind != jsonscan.ObjectBegin {
		return Value{}, syntaxf("Unexpected value type in payload")
	}
	var v Value
	for name, raw := range jsonscan.Fields(text) {
		if string(raw) == "null" || !slices.Contains(Kinds(), Kind(name)) {
			continue
		}
		if v.Exists() {
			return v, faultf("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
		}
		v.Kind = Kind(name)
		if err := v.parse(raw, depth); err != nil {
			return v, err
		}
	}
	if !v.Exists() {
		return v, faultf("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	return v, nil
}

func (v *Value) parse(raw []byte, depth int) error {
	var err error
	switch v.Kind {
	case String, Number, Binary:
		v.Text, err = scalarText(v.Kind, raw)
	case Bool, Null:
		kind, _ := jsonscan.New(raw).Next()
		if kind != jsonscan.True && kind != jsonscan.False {
			return syntaxf("Unexpected token received from parser")
		}
		v.Bool = kind == jsonscan.True
		if v.Kind == Null && !v.Bool {
			return faultf("One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
	case Map:
		if depth > maxDepth {
			return faultf(TooDeep)
		}
		v.Map, err = parseMap(raw, depth+1, nil)
	case List:
		if depth > maxDepth {
			return faultf(TooDeep)
		}
		v.Items, err = elements(raw, func(raw []byte) (Value, error) { return parse(raw, depth+1) })
	default:
		err = v.parseSet(raw)
	}
	return err
}

func scalarText(kind Kind, raw []byte) (string, error) {
	form, _ := jsonscan.New(raw).Next()
	if form != jsonscan.String {
		return "", syntaxf("%s cannot be converted to %s", forms[form], map[Kind]string{String: "String", Number: "String", Binary: "Blob"}[kind])
	}
	text := jsonscan.Text(raw)
	switch kind {
	case Number:
		return ParseNumber(text)
	case Binary:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "", syntaxf("Invalid Base64 in a binary value: %v", err)
		}
		return string(b), nil
	default:
		return text, nil
	}
}

// forms are what the protocol calls the kinds of JSON values.
var forms = map[byte]string{
	jsonscan.Number: "NUMBER_VALUE", jsonscan.True: "TRUE_VALUE", jsonscan.False: "FALSE_VALUE",
	jsonscan.ArrayBegin: "Start of list", jsonscan.ObjectBegin: "Start of structure or map",
}

func (v *Value) parseSet(raw []byte) error {
	element := v.Kind.Element()
	var err error
	v.Items, err = elements(raw, func(raw []byte) (Value, error) {
		text, err := scalarText(element, raw)
		return Value{Kind: element, Text: text}, err
	})
	if err != nil {
		return err
	}
	if len(v.Items) == 0 {
		return faultf("One or more parameter values were invalid: %s", map[Kind]string{
			StringSet: "An string set  may not be empty", NumberSet: "An number set  may not be empty", BinarySet: "Binary sets should not be empty",
		}[v.Kind])
	}
	given := slices.Clone(v.Items)
	if !sortSet(v.Items) {
		return nil
	}
	switch v.Kind {
	case StringSet:
		texts := make([]string, len(given))
		for i := range given {
			texts[i] = given[i].Text
		}
		return faultf("One or more parameter values were invalid: Input collection [%s] contains duplicates.", strings.Join(texts, ", "))
	case NumberSet:
		return faultf("Input collection contains duplicates")
	default:
		return faultf("One or more parameter values were invalid: Input collection of type BS contains duplicates.")
	}
}

func elements(raw []byte, read func([]byte) (Value, error)) ([]Value, error) {
	s := jsonscan.New(raw)
	if kind, _ := s.Next(); kind != jsonscan.ArrayBegin {
		return nil, syntaxf("Unexpected field type")
	}
	items := []Value{}
	for {
		element := s.Skip()
		if len(element) == 0 || element[0] == jsonscan.ArrayEnd {
			return items, nil
		}
		v, err := read(element)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
}

// Append writes a value in DynamoDB's notation.
func (v Value) Append(dst []byte) []byte {
	dst = append(append(append(dst, `{"`...), v.Kind...), `":`...)
	switch v.Kind {
	case String:
		dst = jsonscan.AppendString(dst, v.Text)
	case Number:
		dst = append(append(append(dst, '"'), v.Text...), '"')
	case Binary:
		dst = appendBinary(dst, v.Text)
	case Bool, Null:
		dst = strconv.AppendBool(dst, v.Bool)
	case Map:
		dst = v.Map.Append(dst)
	default:
		dst = append(dst, '[')
		for i, element := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			switch v.Kind {
			case List:
				dst = element.Append(dst)
			case BinarySet:
				dst = appendBinary(dst, element.Text)
			default:
				dst = jsonscan.AppendString(dst, element.Text)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendBinary(dst []byte, text string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(text))
	return append(dst, '"')
}

// Append writes an item as a JSON object, in DynamoDB's notation.
func (i Item) Append(dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	for name, v := range i {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = v.Append(append(jsonscan.AppendString(dst, name), ':'))
	}
	return append(dst, '}')
}

// MarshalJSON implements json.Marshaler.
func (i Item) MarshalJSON() ([]byte, error) { return i.Append(nil), nil }

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return v.Append(nil), nil }

// Brief writes a value as DynamoDB's messages show it: {N:9}.
func (v Value) Brief() string {
	switch v.Kind {
	case Bool, Null:
		return fmt.Sprintf("{%s:%t}", v.Kind, v.Bool)
	case Map:
		parts := make([]string, 0, len(v.Map))
		for _, name := range slices.Sorted(maps.Keys(v.Map)) {
			parts = append(parts, name+"="+v.Map[name].Brief())
		}
		return "{M:{" + strings.Join(parts, ", ") + "}}"
	case List, StringSet, NumberSet, BinarySet:
		parts := make([]string, len(v.Items))
		for i, element := range v.Items {
			parts[i] = element.Text
			if v.Kind == List {
				parts[i] = element.Brief()
			}
		}
		return "{" + string(v.Kind) + ":[" + strings.Join(parts, ",") + "]}"
	default:
		return "{" + string(v.Kind) + ":" + v.Text + "}"
	}
}
