package attribute

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

// Limits of numbers (developer guide, "Naming rules and data types").
const (
	maxDigits = 38
	maxPower  = 125  // of ten, of the first digit
	minPower  = -130 // the same
)

// decimal is a number: 0.d1d2d3... times ten to the power+1; no digits for zero. Digits neither begin nor end with 0.
type decimal struct {
	negative bool
	digits   string
	power    int // of the first digit
}

// ParseNumber gives a number as DynamoDB writes it back: plainly, without zeros that say nothing. An error is an *Error.
func ParseNumber(text string) (string, error) {
	d, ok := parseDecimal(text)
	if !ok {
		if text == "" {
			return "", faultf("The parameter cannot be converted to a numeric value")
		}
		return "", faultf("The parameter cannot be converted to a numeric value: %s", text)
	}
	return d.checked()
}

// checked writes a number that is within the limits.
func (d decimal) checked() (string, error) {
	switch {
	case d.digits == "":
		return "0", nil
	case d.power > maxPower:
		return "", faultf("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case d.power < minPower:
		return "", faultf("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	case len(d.digits) > maxDigits:
		return "", faultf("Attempting to store more than 38 significant digits in a Number")
	}
	return d.plain(), nil
}

// parseDecimal reads what Java's BigDecimal reads: a sign, digits with a point somewhere, an exponent.
func parseDecimal(text string) (decimal, bool) {
	var d decimal
	if text != "" && (text[0] == '-' || text[0] == '+') {
		d.negative = text[0] == '-'
		text = text[1:]
	}
	exponent := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil {
			return d, false
		}
		text, exponent = text[:i], n
	}
	whole, fraction, _ := strings.Cut(text, ".")
	all := whole + fraction
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return d, false
	}
	trimmed := strings.TrimLeft(all, "0")
	d.power = len(whole) - (len(all) - len(trimmed)) - 1 + exponent
	d.digits = strings.TrimRight(trimmed, "0")
	return d, true
}

func (d decimal) plain() string {
	var out strings.Builder
	if d.negative {
		out.WriteByte('-')
	}
	switch point := d.power + 1; {
	case point <= 0:
		out.WriteString("0.")
		out.WriteString(strings.Repeat("0", -point))
		out.WriteString(d.digits)
	case point >= len(d.digits):
		out.WriteString(d.digits)
		out.WriteString(strings.Repeat("0", point-len(d.digits)))
	default:
		out.WriteString(d.digits[:point])
		out.WriteByte('.')
		out.WriteString(d.digits[point:])
	}
	return out.String()
}

func compareNumbers(a, b string) int {
	if a == b {
		return 0
	}
	x, _ := parseDecimal(a)
	y, _ := parseDecimal(b)
	if s, t := x.sign(), y.sign(); s != t {
		return cmp.Compare(s, t)
	}
	order := strings.Compare(x.digits, y.digits)
	if x.power != y.power && x.digits != "" && y.digits != "" {
		order = cmp.Compare(x.power, y.power)
	}
	if x.negative {
		order = -order
	}
	return order
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	default:
		return 1
	}
}

// Add gives the exact sum of two numbers. An error, an *Error, says that the sum is out of range.
func Add(a, b Value) (Value, error) { return combine(a, b, (*big.Int).Add) }

// Subtract gives the exact difference of two numbers, as Add does.
func Subtract(a, b Value) (Value, error) { return combine(a, b, (*big.Int).Sub) }

func combine(a, b Value, op func(z, x, y *big.Int) *big.Int) (Value, error) {
	x, _ := parseDecimal(a.Text)
	y, _ := parseDecimal(b.Text)
	unit := min(x.lastPower(), y.lastPower())
	sum := op(new(big.Int), x.in(unit), y.in(unit))
	d, _ := parseDecimal(sum.String())
	d.power += unit
	text, err := d.checked()
	return Value{Kind: Number, Text: text}, err
}

// lastPower is the power of ten of the last digit.
func (d decimal) lastPower() int {
	if d.digits == "" {
		return 0
	}
	return d.power - len(d.digits) + 1
}

// in counts a number in units of a power of ten that is not above its last digit's.
func (d decimal) in(unit int) *big.Int {
	n := new(big.Int)
	if d.digits == "" {
		return n
	}
	n.SetString(d.digits+strings.Repeat("0", d.lastPower()-unit), 10)
	if d.negative {
		n.Neg(n)
	}
	return n
}

// orderedNumber is the sign, the power of ten and the digits, so that bytes sort as numbers do; those of negative numbers are
// turned round.
func orderedNumber(text string) []byte {
	const below, zero, above = 1, 2, 3
	d, _ := parseDecimal(text)
	switch d.sign() {
	case 0:
		return []byte{zero}
	case 1:
		return append([]byte{above, byte(d.power - minPower)}, d.digits...)
	}
	out := []byte{below, byte(maxPower - d.power)}
	for i := range len(d.digits) {
		out = append(out, '0'+'9'-d.digits[i])
	}
	return append(out, 0xFF) // the shorter one is the greater
}
