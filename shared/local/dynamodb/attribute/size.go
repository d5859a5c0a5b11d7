package attribute

import (
	"strings"
	"unicode/utf16"
)

// Size is what an item takes, in bytes (developer guide, "DynamoDB item sizes and formats"): names and strings by their UTF-8
// bytes, numbers by half their significant digits and one, booleans and nulls 1, lists and maps 3 and 1 more for each element.
func (i Item) Size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

func (v Value) size() int {
	switch v.Kind {
	case String, Binary:
		return len(v.Text)
	case Number:
		return numberSize(v.Text)
	case Bool, Null:
		return 1
	case Map:
		return 3 + len(v.Map) + v.Map.Size()
	case List:
		n := 3 + len(v.Items)
		for _, element := range v.Items {
			n += element.size()
		}
		return n
	default:
		n := 0
		for _, element := range v.Items {
			n += element.size()
		}
		return n
	}
}

func numberSize(text string) int {
	digits := strings.Trim(strings.Replace(strings.TrimPrefix(text, "-"), ".", "", 1), "0")
	n := (len(digits)+1)/2 + 1
	if text[0] == '-' {
		n++
	}
	return n
}

// Count is what size() says in an expression: the length of a string (in UTF-16, as the service's Java has it) and of binary,
// the number of elements of the others that have any.
func (v Value) Count() (n int, ok bool) {
	switch v.Kind {
	case String:
		for _, r := range v.Text {
			n += utf16.RuneLen(r)
		}
		return n, true
	case Binary:
		return len(v.Text), true
	case Map:
		return len(v.Map), true
	case List, StringSet, NumberSet, BinarySet:
		return len(v.Items), true
	default:
		return 0, false
	}
}
