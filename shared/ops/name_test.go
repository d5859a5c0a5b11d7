package ops

import (
	"strings"
	"testing"
)

func TestNamesBeginWithALetterAndHaveALimit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][4]bool{ // template, step, event, part
		"":                      {},
		"a":                     {true, true, true, true},
		"A":                     {false, true, false, true},
		"a_1":                   {true, true, true, true},
		"a-1":                   {false, true, false, true},
		"1a":                    {},
		"_a":                    {},
		"a.b":                   {},
		"é":                     {},
		"a\n":                   {},
		strings.Repeat("a", 50): {true, true, true, true},
		strings.Repeat("a", 51): {false, false, true, true},
		strings.Repeat("a", 64): {false, false, true, true},
		strings.Repeat("a", 65): {},
	} {
		if got := [4]bool{isTemplateName(name), isStepID(name), isEventName(name), isPartName(name)}; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestAnIDIsMadeOfTheLettersAndDigitsOfAName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Quality check": "quality-check", " -- A  b! ": "a-b", "Über 100": "ber-100", "!!": "", "x": "x",
	} {
		if got := slug(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestATelephoneNumberIsE164(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]bool{
		"+971501234567": true, "+1234567": true, "+123456": false, "+1234567890123456": false, "+0234567": false, "971501234567": false,
		"+97150 123": false, "": false, "+": false,
	} {
		if got := ValidPhone(number); got != want {
			t.Errorf("%q: %v", number, got)
		}
	}
}
