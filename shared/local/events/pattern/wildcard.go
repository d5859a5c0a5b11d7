package pattern

import (
	"fmt"
	"strings"
)

// maxStars is the most wildcards in one value. AWS refuses by the size of its own automaton, which it does not publish:
// *:*:*:*:*:event-bus/* (six) is over it.
const maxStars = 5

// wildcard is a text with stars, cut at them: what comes before the first, between them, and after the last.
type wildcard []string

// parseWildcard reads a text in which * stands for any characters; \* and \\ are the characters themselves. reason says,
// in AWS's words, what is wrong with it; empty: nothing.
func parseWildcard(s string) (m wildcard, reason string) {
	var (
		parts wildcard
		part  strings.Builder
	)
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '*' && i+1 < len(s) && s[i+1] == '*':
			return nil, fmt.Sprintf("Consecutive wildcard characters at pos %d", i+1)
		case s[i] == '*':
			parts = append(parts, part.String())
			part.Reset()
		case s[i] == '\\':
			if i+1 == len(s) || s[i+1] != '*' && s[i+1] != '\\' {
				return nil, fmt.Sprintf("Invalid escape character at pos %d", i+1)
			}
			i++
			part.WriteByte(s[i])
		default:
			part.WriteByte(s[i])
		}
	}
	if len(parts) > maxStars {
		return nil, "Rule is too complex - try using fewer wildcard characters or fewer repeating character " +
			"sequences after a wildcard character"
	}
	return append(parts, part.String()), ""
}

// match takes the leftmost place for every part in turn, which is always right: it leaves the most for those behind.
func (m wildcard) match(v value) bool {
	if v.kind != text {
		return false
	}
	if len(m) == 1 {
		return v.text == m[0]
	}
	rest, ok := strings.CutPrefix(v.text, m[0])
	if !ok {
		return false
	}
	last := m[len(m)-1]
	for _, part := range m[1 : len(m)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, last)
}
