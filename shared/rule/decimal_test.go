package rule

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDecimalsCompareLikeRationals(t *testing.T) {
	t.Parallel()
	number := rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?`).Draw(t, "mantissa")
		if rapid.Bool().Draw(t, "exponent") {
			s += rapid.SampledFrom([]string{"e", "E", "e+", "E-"}).Draw(t, "e") + strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "n"))
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		a := number.Draw(t, "a")
		b := rapid.OneOf(number, rapid.Just(a), rapid.Just(respell(a))).Draw(t, "b")
		ra, _ := new(big.Rat).SetString(a)
		rb, _ := new(big.Rat).SetString(b)
		da, okA := parseDecimal(a)
		db, okB := parseDecimal(b)
		if !okA || !okB {
			t.Fatalf("%s or %s is not taken as a number", a, b)
		}
		if got, want := da.compare(&db), ra.Cmp(rb); got != want {
			t.Fatalf("%s compared with %s: got %d, want %d", a, b, got, want)
		}
	})
}

// respell writes the same number in another way.
func respell(s string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	n, _ := strconv.Atoi(exponent)
	if !strings.Contains(mantissa, ".") {
		mantissa += "."
	}
	return mantissa + "000e" + strconv.Itoa(n)
}

func TestDecimalsOfHugeExponents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 100_000)
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1e999999999", "1e999999998", 1},
		{"1e-999999999", "0", 1},
		{"-1e999999999", "1e-999999999", -1},
		{"1e99999999999999999999", "1e99999999999999999998", 1},
		{"10e99999999999999999998", "1e99999999999999999999", 0},
		{"1e-99999999999999999999", "1e-99999999999999999998", -1},
		{"0e99999999999999999999", "-0", 0},
		{"1e" + long, "1", 1},
		{"1e000000000000000000000000002", "100", 0},
		{long + "e0", long + ".0", 0},
	} {
		a, okA := parseDecimal(c.a)
		b, okB := parseDecimal(c.b)
		if !okA || !okB || a.compare(&b) != c.want || b.compare(&a) != -c.want {
			t.Errorf("%.40s compared with %.40s: got %d, want %d", c.a, c.b, a.compare(&b), c.want)
		}
	}
}

func TestOnlyJSONNumbersAreNumbers(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "1_000", "NaN", "Infinity", "1 ", "--1", "1e5.0"} {
		if _, ok := parseDecimal(s); ok {
			t.Errorf("%q was taken as a number", s)
		}
	}
}
