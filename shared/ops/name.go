package ops

import (
	"strings"
	"unicode"
)

// isName says whether s is a name of 1 to most characters: a letter, then letters, digits and those of more. Letters are
// small ones, capitals too if they may be. (Regular expressions with counted repetitions would take 0.3 ms of every cold
// start to compile.)
func isName(s string, most int, capitals bool, more string) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || capitals && 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || !isDigit(c) && strings.IndexByte(more, c) < 0) {
			return false
		}
	}
	return true
}

func isTemplateName(s string) bool { return isName(s, 50, false, "_") }
func isStepID(s string) bool       { return isName(s, 50, true, "_-") }
func isEventName(s string) bool    { return isName(s, 64, false, "_") }
func isPartName(s string) bool     { return isName(s, 64, true, "_-") } // of message templates and ladders

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// slug makes an id of a name: its letters and digits, small, with a dash for whatever is between.
func slug(name string) string {
	var b []byte
	for _, c := range []byte(name) {
		switch {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case 'a' <= c && c <= 'z' || isDigit(c):
			b = append(b, c)
		case len(b) > 0 && b[len(b)-1] != '-':
			b = append(b, '-')
		}
	}
	if n := len(b); n > 0 && b[n-1] == '-' {
		b = b[:n-1]
	}
	return string(b)
}

// oneLine says whether a text can be shown in one line: it has no control characters and no other ends of lines.
func oneLine(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' })
}
