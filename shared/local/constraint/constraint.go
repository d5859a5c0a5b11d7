// Package constraint words what AWS's services say of members of a request that break the constraints of the service's model.
package constraint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Faults are the broken constraints of a request, in AWS's words.
type Faults []string

func (f *Faults) add(value, member, constraint string, args ...any) {
	*f = append(*f, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must ", value, member)+fmt.Sprintf(constraint, args...))
}

// Text gives all faults as one message; "" when there are none.
func (f Faults) Text() string {
	switch len(f) {
	case 0:
		return ""
	case 1:
		return "1 validation error detected: " + f[0]
	}
	return fmt.Sprintf("%d validation errors detected: %s", len(f), strings.Join(f, "; "))
}

// Required wants a text.
func (f *Faults) Required(member, value string) {
	if value == "" {
		f.add("null", member, "not be null")
	}
}

// Length bounds how long a text is, in characters.
func (f *Faults) Length(member, value string, low, high int) {
	switch n := len([]rune(value)); {
	case n < low:
		f.add("'"+value+"'", member, "have length greater than or equal to %d", low)
	case n > high:
		f.add("'"+value+"'", member, "have length less than or equal to %d", high)
	}
}

// Pattern wants a text that all of a regular expression matches.
func (f *Faults) Pattern(member, value string, pattern *regexp.Regexp) {
	if pattern.FindString(value) != value {
		f.add("'"+value+"'", member, "satisfy regular expression pattern: %s", pattern)
	}
}

// Size bounds how many elements a list or map has; shown is what AWS's messages show of it.
func (f *Faults) Size(member, shown string, n, low, high int) {
	switch {
	case n < low:
		f.add("'"+shown+"'", member, "have length greater than or equal to %d", low)
	case n > high:
		f.add("'"+shown+"'", member, "have length less than or equal to %d", high)
	}
}

// Enum wants one of some values.
func (f *Faults) Enum(member, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.add("'"+value+"'", member, "satisfy enum value set: [%s]", strings.Join(allowed, ", "))
	}
}

// Range bounds a number.
func (f *Faults) Range(member string, value, low, high int) {
	switch {
	case value < low:
		f.add(fmt.Sprintf("'%d'", value), member, "have value greater than or equal to %d", low)
	case value > high:
		f.add(fmt.Sprintf("'%d'", value), member, "have value less than or equal to %d", high)
	}
}

var name = regexp.MustCompile(`[\.\-_A-Za-z0-9]+`)

// Name wants 1 to longest characters of A-Z a-z 0-9 . _ -
func (f *Faults) Name(member, value string, longest int) {
	if value == "" {
		f.Required(member, value)
		return
	}
	f.Length(member, value, 1, longest)
	f.Pattern(member, value, name)
}
