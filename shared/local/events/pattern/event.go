package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Event is an event taken apart for matching. It is safe for concurrent use.
type Event struct {
	leaves map[string][]leaf
	arrays int
}

// leaf is a value at a path of an event.
type leaf struct {
	value  value
	within []membership // the array elements it lies in, outermost first
}

type membership struct{ array, index int }

type kind uint8

const (
	text kind = iota
	number
	literal // true, false, null
)

// value is a leaf's value: text holds a string's content, or a number or literal as written.
type value struct {
	kind kind
	text string
	num  micro
	ok   bool // num is set: the number is in the range in which AWS compares numbers by value
}

// ParseEvent reads a JSON object. Of a key that occurs twice in one object the last value counts.
func ParseEvent(data []byte) (*Event, error) {
	var root any
	if err := decode(data, &root); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	object, isObject := root.(map[string]any)
	if !isObject {
		return nil, errors.New("read event: it must be a JSON object")
	}
	e := &Event{leaves: make(map[string][]leaf)}
	e.addObject("", object, nil)
	return e, nil
}

func (e *Event) addObject(path string, object map[string]any, within []membership) {
	for k, v := range object {
		e.add(join(path, k), v, within)
	}
}

func (e *Event) add(path string, v any, within []membership) {
	switch v := v.(type) {
	case map[string]any:
		e.addObject(path, v, within)
	case []any:
		array := e.arrays
		e.arrays++
		for i, element := range v {
			e.add(path, element, append(within[:len(within):len(within)], membership{array, i}))
		}
	case string:
		e.addLeaf(path, value{kind: text, text: v}, within)
	case json.Number:
		n, ok := parseMicro(v.String())
		e.addLeaf(path, value{kind: number, text: v.String(), num: n, ok: ok}, within)
	case bool:
		e.addLeaf(path, value{kind: literal, text: strconv.FormatBool(v)}, within)
	default:
		e.addLeaf(path, value{kind: literal, text: "null"}, within)
	}
}

func (e *Event) addLeaf(path string, v value, within []membership) {
	e.leaves[path] = append(e.leaves[path], leaf{v, within})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
