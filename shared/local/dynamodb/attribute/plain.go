package attribute

import (
	"slices"
	"strconv"

	"opsflow/shared/table/jsonscan"
)

// AddPlain adds the members of a plain JSON object to an item, as attributes; only those of these names, nil stands for all.
// The text is valid JSON whose numbers DynamoDB would take.
func AddPlain(item Item, object []byte, only []string) {
	for name, raw := range jsonscan.Fields(object) {
		if only == nil || slices.Contains(only, name) {
			item[name] = plain(jsonscan.New(raw))
		}
	}
}

func plain(s *jsonscan.Scanner) Value {
	kind, raw := s.Next()
	return plainOf(s, kind, raw)
}

func plainOf(s *jsonscan.Scanner, kind byte, raw []byte) Value {
	switch kind {
	case jsonscan.String:
		return Str(jsonscan.Text(raw))
	case jsonscan.Number:
		text := string(raw)
		if d, ok := parseDecimal(text); ok && d.digits != "" {
			return Value{Kind: Number, Text: d.plain()}
		}
		return Value{Kind: Number, Text: "0"}
	case jsonscan.True, jsonscan.False:
		return Value{Kind: Bool, Bool: kind == jsonscan.True}
	case jsonscan.ArrayBegin:
		list := Value{Kind: List, Items: []Value{}}
		for {
			kind, raw := s.Next()
			if kind == jsonscan.ArrayEnd || kind == jsonscan.End {
				return list
			}
			list.Items = append(list.Items, plainOf(s, kind, raw))
		}
	case jsonscan.ObjectBegin:
		m := Value{Kind: Map, Map: Item{}}
		for {
			kind, name := s.Next()
			if kind != jsonscan.String {
				return m
			}
			m.Map[jsonscan.Text(name)] = plain(s)
		}
	default:
		return Value{Kind: Null, Bool: true}
	}
}

// Plain gives an item as a plain JSON object, without some attributes. unfit names an attribute in which there is something
// that JSON has not: binary or a set.
func (i Item) Plain(without map[string]bool) (object []byte, unfit string) {
	return i.appendPlain(make([]byte, 0, 1<<10), without)
}

func (i Item) appendPlain(dst []byte, without map[string]bool) (object []byte, unfit string) {
	dst = append(dst, '{')
	first := true
	for name, v := range i {
		if without[name] {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var ok bool
		if dst, ok = v.appendPlain(append(jsonscan.AppendString(dst, name), ':')); !ok {
			return nil, name
		}
	}
	return append(dst, '}'), ""
}

func (v Value) appendPlain(dst []byte) (out []byte, ok bool) {
	switch v.Kind {
	case String:
		return jsonscan.AppendString(dst, v.Text), true
	case Number:
		return append(dst, v.Text...), true
	case Bool:
		return strconv.AppendBool(dst, v.Bool), true
	case Null:
		return append(dst, "null"...), true
	case Map:
		dst, unfit := v.Map.appendPlain(dst, nil)
		return dst, unfit == ""
	case List:
		dst = append(dst, '[')
		for i, element := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, ok = element.appendPlain(dst); !ok {
				return nil, false
			}
		}
		return append(dst, ']'), true
	default:
		return nil, false
	}
}
