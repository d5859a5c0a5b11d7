package value

import (
	"encoding/json"
	"math/big"
	"strings"
)

// Equal reports whether two values are the same: numbers by their value (1 equals 1.0), objects whatever their order.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		return ok && CompareNumbers(a, n) == 0
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !Equal(a[i], l[i]) {
				return false
			}
		}
		return true
	case *Object:
		o, ok := b.(*Object)
		if !ok || a.Len() != o.Len() {
			return false
		}
		for _, m := range a.members {
			v, ok := o.Get(m.Key)
			if !ok || !Equal(m.Value, v) {
				return false
			}
		}
		return true
	default:
		return a == b
	}
}

// maxExponent bounds the exact comparison: 1e999999999 would otherwise be written out digit by digit.
const maxExponent = 400

// CompareNumbers is -1, 0 or 1 as a is below, equal to or above b, exactly.
func CompareNumbers(a, b json.Number) int {
	if a == b {
		return 0
	}
	if hugeExponent(a) || hugeExponent(b) {
		x, _ := a.Float64()
		y, _ := b.Float64()
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	x, okX := new(big.Rat).SetString(a.String())
	y, okY := new(big.Rat).SetString(b.String())
	if !okX || !okY {
		return strings.Compare(a.String(), b.String())
	}
	return x.Cmp(y)
}

func hugeExponent(n json.Number) bool {
	i := strings.IndexAny(n.String(), "eE")
	if i < 0 {
		return false
	}
	exp, ok := new(big.Int).SetString(strings.TrimPrefix(n.String()[i+1:], "+"), 10)
	return !ok || exp.CmpAbs(big.NewInt(maxExponent)) > 0
}
