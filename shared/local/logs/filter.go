package logs

import (
	"slices"
	"strings"
)

// filter is a filter pattern of terms:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
type filter struct {
	all, any, none []string
}

// parseFilter reads terms: each must be in the message, ?term: at least one of those, -term: it must not. Patterns of JSON
// fields, of columns and regular expressions are not known here.
func parseFilter(pattern string) (f filter, err error) {
	rest := strings.TrimSpace(pattern)
	if rest != "" && strings.ContainsRune("{[%", rune(rest[0])) {
		return f, invalid("Invalid filter pattern: the local runtime knows patterns of terms only, got %s", pattern)
	}
	for rest != "" {
		into := &f.all
		switch rest[0] {
		case '?':
			into, rest = &f.any, rest[1:]
		case '-':
			into, rest = &f.none, rest[1:]
		}
		var term string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			if term, rest, ok = strings.Cut(quoted, `"`); !ok {
				return f, invalid("Invalid filter pattern: a quotation mark is not closed")
			}
		} else {
			term, rest, _ = strings.Cut(rest, " ")
		}
		if term != "" {
			*into = append(*into, term)
		}
		rest = strings.TrimLeft(rest, " ")
	}
	return f, nil
}

func (f filter) matches(message string) bool {
	has := func(term string) bool { return strings.Contains(message, term) }
	for _, term := range f.all {
		if !has(term) {
			return false
		}
	}
	return !slices.ContainsFunc(f.none, has) && (len(f.any) == 0 || slices.ContainsFunc(f.any, has))
}
