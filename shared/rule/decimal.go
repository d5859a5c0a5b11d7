package rule

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

// decimal is a JSON number, exactly: 0.digits times ten to the power of scale. Floating point would call 0.1+0.2 and 0.3
// different and two large amounts the same; writing a number out would let "1e999999999" fill the memory. So the digits
// stay text, and only the scale is a number.
type decimal struct {
	negative bool
	digits   string   // without leading or trailing zeros; "" is zero
	scale    int64    // where the decimal point is, from the first digit
	huge     *big.Int // the scale when it doesn't fit; nil otherwise
}

// parseDecimal reads a JSON number.
func parseDecimal(text string) (decimal, bool) {
	if !validNumber(text) {
		return decimal{}, false
	}
	var d decimal
	text, d.negative = strings.CutPrefix(text, "-")
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return decimal{}, true // -0 is 0, whatever its exponent
	}
	d.scale = int64(len(whole)) - int64(len(whole)+len(fraction)-len(digits))
	d.digits = strings.TrimRight(digits, "0")
	if exponent == "" {
		return d, true
	}
	const safe = 17 // so many digits and a text's length can't overflow
	if e := strings.TrimLeft(exponent, "+-"); len(strings.TrimLeft(e, "0")) > safe {
		n, ok := new(big.Int).SetString(exponent, 10)
		if !ok {
			return decimal{}, false
		}
		d.huge = n.Add(n, big.NewInt(d.scale))
		return d, true
	}
	e, err := strconv.ParseInt(exponent, 10, 64)
	d.scale += e
	return d, err == nil
}

// compare gives -1, 0 or 1 as d is less than, equal to or greater than o.
func (d decimal) compare(o decimal) int {
	if d.sign() != o.sign() {
		return cmp.Compare(d.sign(), o.sign())
	}
	c := 0
	if d.digits != "" {
		if c = d.compareScale(o); c == 0 {
			c = strings.Compare(d.digits, o.digits) // no trailing zeros, so text order is the order of fractions
		}
	}
	if d.negative {
		return -c
	}
	return c
}

func (d decimal) compareScale(o decimal) int {
	if d.huge == nil && o.huge == nil {
		return cmp.Compare(d.scale, o.scale)
	}
	return d.bigScale().Cmp(o.bigScale())
}

func (d decimal) bigScale() *big.Int {
	if d.huge != nil {
		return d.huge
	}
	return big.NewInt(d.scale)
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// validNumber reports whether text is a number by RFC 8259.
func validNumber(text string) bool {
	text, _ = strings.CutPrefix(text, "-")
	rest := strings.TrimLeft(text, "0123456789")
	whole := text[:len(text)-len(rest)]
	if whole == "" || (len(whole) > 1 && whole[0] == '0') {
		return false
	}
	if fraction, ok := strings.CutPrefix(rest, "."); ok {
		rest = strings.TrimLeft(fraction, "0123456789")
		if len(rest) == len(fraction) {
			return false
		}
	}
	if rest == "" {
		return true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	return rest != "" && strings.TrimLeft(rest, "0123456789") == ""
}
