// Package attribute has DynamoDB's attribute values: their notation in JSON, exact numbers, order, sizes and the bytes that
// sort as they do.
package attribute

import (
	"bytes"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// Kind is the type of a value, as the notation writes it.
type Kind string

// The kinds.
const (
	String    Kind = "S"
	Number    Kind = "N"
	Binary    Kind = "B"
	Bool      Kind = "BOOL"
	Null      Kind = "NULL"
	List      Kind = "L"
	Map       Kind = "M"
	StringSet Kind = "SS"
	NumberSet Kind = "NS"
	BinarySet Kind = "BS"
)

// Kinds are all of them.
func Kinds() []Kind {
	return []Kind{String, Number, Binary, Bool, Null, List, Map, StringSet, NumberSet, BinarySet}
}

// Scalar reports whether values of the kind have an order, and may be keys.
func (k Kind) Scalar() bool { return k == String || k == Number || k == Binary }

// Element is the kind of a set's elements; "" for what is no set.
func (k Kind) Element() Kind {
	switch k {
	case StringSet:
		return String
	case NumberSet:
		return Number
	case BinarySet:
		return Binary
	default:
		return ""
	}
}

// Value is an attribute value. The zero Value is none at all.
type Value struct {
	Kind  Kind
	Text  string  // of a string, a number (written plainly, without zeros that say nothing), or binary (the bytes)
	Bool  bool    // of a boolean
	Items []Value // of a list, or of a set in order
	Map   Item
}

// Item has attributes by name.
type Item map[string]Value

// Exists reports whether there is a value.
func (v Value) Exists() bool { return v.Kind != "" }

// Str gives a string.
func Str(s string) Value { return Value{Kind: String, Text: s} }

// Equal reports whether two values are the same: of one kind, numbers by what they are worth, sets in any order.
func Equal(a, b Value) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Bool:
		return a.Bool == b.Bool
	case Null:
		return true
	case Map:
		return maps.EqualFunc(a.Map, b.Map, Equal)
	case List, StringSet, NumberSet, BinarySet:
		return slices.EqualFunc(a.Items, b.Items, Equal)
	default:
		return a.Text == b.Text
	}
}

// Compare orders two values; ok is false when they are of different kinds, or of one that has no order.
func Compare(a, b Value) (order int, ok bool) {
	if a.Kind != b.Kind || !a.Kind.Scalar() {
		return 0, false
	}
	if a.Kind == Number {
		return compareNumbers(a.Text, b.Text), true
	}
	return strings.Compare(a.Text, b.Text), true
}

// Clone copies a value so that changes inside of one do not show in the other.
func (v Value) Clone() Value {
	switch v.Kind {
	case List:
		items := make([]Value, len(v.Items))
		for i := range v.Items {
			items[i] = v.Items[i].Clone()
		}
		v.Items = items
	case Map:
		v.Map = v.Map.Clone()
	default: // nothing inside of the others ever changes
	}
	return v
}

// Clone copies an item deeply.
func (i Item) Clone() Item {
	out := make(Item, len(i))
	for name, v := range i {
		out[name] = v.Clone()
	}
	return out
}

// Pick gives the attributes of these names, those that are there.
func (i Item) Pick(names ...string) Item {
	out := make(Item, len(names))
	for _, name := range names {
		if v, ok := i[name]; ok {
			out[name] = v
		}
	}
	return out
}

// sortSet puts a set's elements in order; it reports whether one was there twice.
func sortSet(items []Value) (double bool) {
	slices.SortFunc(items, func(a, b Value) int {
		order, _ := Compare(a, b)
		return order
	})
	for i := 1; i < len(items); i++ {
		if items[i].Text == items[i-1].Text {
			return true
		}
	}
	return false
}

// Union gives the elements of both sets, which are of one kind.
func Union(a, b Value) Value {
	items := slices.Concat(a.Items, b.Items)
	sortSet(items)
	items = slices.CompactFunc(items, func(x, y Value) bool { return x.Text == y.Text })
	return Value{Kind: a.Kind, Items: items}
}

// Without gives the elements of a that are not in b; both are sets of one kind.
func Without(a, b Value) Value {
	items := slices.DeleteFunc(slices.Clone(a.Items), b.has)
	return Value{Kind: a.Kind, Items: items}
}

func (v Value) has(element Value) bool {
	return slices.ContainsFunc(v.Items, func(x Value) bool { return Equal(x, element) })
}

// Contains reports whether v holds part: a string or binary in another, an element in a set or list.
func (v Value) Contains(part Value) bool {
	switch v.Kind {
	case String, Binary:
		return part.Kind == v.Kind && strings.Contains(v.Text, part.Text)
	case List, StringSet, NumberSet, BinarySet:
		return v.has(part)
	default:
		return false
	}
}

// HasPrefix reports whether v begins with a string or binary of the same kind.
func (v Value) HasPrefix(prefix Value) bool {
	return v.Kind == prefix.Kind && (v.Kind == String || v.Kind == Binary) && strings.HasPrefix(v.Text, prefix.Text)
}

// Ordered gives bytes that sort as the scalar values of one kind do. They may hold any byte.
func (v Value) Ordered() []byte {
	if v.Kind != Number {
		return []byte(v.Text)
	}
	return orderedNumber(v.Text)
}

// TooDeep reports whether lists and maps are nested deeper than they may be.
func (i Item) TooDeep() bool { return i.deeper(maxDepth) }

func (i Item) deeper(than int) bool {
	for _, v := range i {
		if v.deeper(than) {
			return true
		}
	}
	return false
}

func (v Value) deeper(than int) bool {
	switch v.Kind {
	case Map:
		return than == 0 || v.Map.deeper(than-1)
	case List:
		return than == 0 || slices.ContainsFunc(v.Items, func(x Value) bool { return x.deeper(than - 1) })
	default:
		return false
	}
}

// Key is a text that is the same for equal items of scalars only, for finding doubles.
func (i Item) Key() string {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(i)) {
		out.WriteString(name)
		out.WriteByte(0)
		out.WriteString(string(i[name].Kind))
		out.WriteByte(0)
		out.WriteString(i[name].Text)
		out.WriteByte(0)
	}
	return out.String()
}

// Hash is the same for equal items, in whatever order their attributes come.
func (i Item) Hash() uint64 {
	var sum uint64
	for name, v := range i {
		sum += mix(hashText(name), v.hash())
	}
	return sum
}

func (v Value) hash() uint64 {
	h := mix(hashText(string(v.Kind)), hashText(v.Text))
	if v.Bool {
		h++
	}
	for _, element := range v.Items {
		h = mix(h, element.hash())
	}
	return mix(h, v.Map.Hash())
}

// hashText is FNV-1a, which is the same in every process.
func hashText(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// mix makes one number of two, to which their order matters.
func mix(a, b uint64) uint64 {
	h := (a ^ bits.RotateLeft64(b, 31)) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}
