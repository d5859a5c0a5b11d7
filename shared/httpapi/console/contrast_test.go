package console_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// token is a colour of the style sheet.
var token = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)

// schemes reads the style sheet's colours: light, and dark over light.
func schemes(t *testing.T) map[string]map[string]string {
	t.Helper()
	css, err := os.ReadFile("assets/console.css")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(css), ":root {")
	lightText, rest, _ := strings.Cut(rest, "}")
	_, rest, _ = strings.Cut(rest, ":root {")
	darkText, _, _ := strings.Cut(rest, "}")
	light, dark := map[string]string{}, map[string]string{}
	for _, m := range token.FindAllStringSubmatch(lightText, -1) {
		light[m[1]], dark[m[1]] = m[2], m[2]
	}
	for _, m := range token.FindAllStringSubmatch(darkText, -1) {
		dark[m[1]] = m[2]
	}
	return map[string]map[string]string{"light": light, "dark": dark}
}

// luminance is WCAG 2.2's relative luminance of a colour like #1b2330.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestColoursHaveTheContrastOfAA(t *testing.T) {
	t.Parallel()
	const text, graphic = 4.5, 3.0 // WCAG 2.2, 1.4.3 and 1.4.11
	type pair struct {
		fore, back string
		least      float64
	}
	pairs := []pair{
		{"accent-ink", "accent", text},
		{"accent-ink", "accent-hover", text},
		{"side-ink", "side", text},
		{"side-on", "side-hover", text},
		{"focus", "page", graphic},
		{"focus", "card", graphic},
		{"side-focus", "side", graphic},
		{"side-focus", "side-hover", graphic},
		{"edge", "card", graphic}, // of fields and buttons
		{"edge", "page", graphic},
	}
	for _, back := range []string{"page", "card", "hover"} {
		for _, fore := range []string{"ink", "ink-2", "ink-3", "accent", "red"} {
			pairs = append(pairs, pair{fore, back, text})
		}
	}
	for _, tone := range []string{"amber", "blue", "green", "red", "orange", "violet", "grey", "slate"} {
		pairs = append(pairs,
			pair{tone, tone + "-soft", text},
			pair{tone + "-solid", "track", graphic}, // of a progress bar
			pair{tone + "-solid", "card", graphic},
		)
	}
	for name, colours := range schemes(t) {
		for _, p := range pairs {
			fore, back := colours[p.fore], colours[p.back]
			if fore == "" || back == "" {
				t.Fatalf("%s: the style sheet has no %s or no %s", name, p.fore, p.back)
			}
			a, b := luminance(t, fore), luminance(t, back)
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < p.least {
				t.Errorf("%s: %s on %s is %.2f, want %.1f", name, p.fore, p.back, ratio, p.least)
			}
		}
	}
}
