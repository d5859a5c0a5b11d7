package rule

import (
	"bytes"
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

// decimal is a JSON number, exactly: 0.digits times ten to the power of scale. Floating point would call 0.1+0.2 and 0.3
// different and two large amounts the same; writing a number out would let "1e999999999" fill the memory. So the scale is a
// number of its own, and of the digits the first 19, all that any amount of money has, are one integer: to read and compare
// such a number costs no allocation.
type decimal struct {
	negative bool
	count    int      // of digits, without leading and trailing zeros; 0 is zero
	lead     uint64   // the first 19 digits, with zeros behind when there are fewer
	rest     string   // the digits behind those, without trailing zeros
	scale    int64    // where the decimal point is, from the first digit
	huge     *big.Int // the scale when it doesn't fit; nil otherwise
}

const leadDigits = 19 // 10^19 fits into 64 bits

// parseDecimal reads a JSON number by RFC 8259.
func parseDecimal[T string | []byte](text T) (decimal, bool) {
	var d decimal
	i := 0
	if i < len(text) && text[i] == '-' {
		d.negative = true
		i++
	}
	first, seen, point := i, 0, -1 // seen counts digits from the first that isn't zero
	var rest []byte
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && point < 0 && i > first {
			point = i
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		if seen == 0 && c == '0' {
			if point >= 0 {
				d.scale--
			}
			continue
		}
		seen++
		if point < 0 {
			d.scale++
		}
		if seen <= leadDigits {
			d.lead = d.lead*10 + uint64(c-'0')
		} else {
			rest = append(rest, c)
		}
		if c != '0' {
			d.count = seen
		}
	}
	whole := i - first
	if point >= 0 {
		whole = point - first
	}
	if whole == 0 || point == i-1 || (whole > 1 && text[first] == '0') {
		return decimal{}, false
	}
	for n := seen; n < leadDigits; n++ {
		d.lead *= 10
	}
	d.rest = string(bytes.TrimRight(rest, "0"))
	exponent := text[i:]
	if len(exponent) > 0 {
		if ok := d.raise(string(exponent)); !ok {
			return decimal{}, false
		}
	}
	if d.count == 0 {
		return decimal{}, true // -0 is 0, whatever its exponent
	}
	return d, true
}

// raise takes in an exponent like "e-7".
func (d *decimal) raise(text string) bool {
	if text[0] != 'e' && text[0] != 'E' {
		return false
	}
	text = text[1:]
	digits := text
	if digits != "" && (digits[0] == '+' || digits[0] == '-') {
		digits = digits[1:]
	}
	if digits == "" || strings.TrimLeft(digits, "0123456789") != "" {
		return false
	}
	const safe = 17 // so many digits and a text's length can't overflow
	if len(strings.TrimLeft(digits, "0")) > safe {
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return false
		}
		d.huge = n.Add(n, big.NewInt(d.scale))
		return true
	}
	e, err := strconv.ParseInt(text, 10, 64)
	d.scale += e
	return err == nil
}

// compare gives -1, 0 or 1 as d is less than, equal to or greater than o.
func (d *decimal) compare(o *decimal) int {
	if d.sign() != o.sign() {
		return cmp.Compare(d.sign(), o.sign())
	}
	c := 0
	if d.count > 0 {
		if c = d.compareScale(o); c == 0 {
			c = cmp.Compare(d.lead, o.lead)
		}
		if c == 0 {
			c = strings.Compare(d.rest, o.rest) // no trailing zeros, so text order is the order of fractions
		}
	}
	if d.negative {
		return -c
	}
	return c
}

func (d *decimal) compareScale(o *decimal) int {
	if d.huge == nil && o.huge == nil {
		return cmp.Compare(d.scale, o.scale)
	}
	return d.bigScale().Cmp(o.bigScale())
}

func (d *decimal) bigScale() *big.Int {
	if d.huge != nil {
		return d.huge
	}
	return big.NewInt(d.scale)
}

func (d *decimal) sign() int {
	switch {
	case d.count == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}
