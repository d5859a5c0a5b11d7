package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Condition compares one key of a request with values.
type Condition struct {
	Operator string // as written: "ForAnyValue:StringEquals"
	Key      string // "events:source"; keys are compared without regard to case
	Values   []string

	set      string // ForAnyValue, ForAllValues or ""
	ifExists bool
	negated  bool
	equal    func(got, want string) bool
}

// operators are the comparisons that are known, each with whether it asks for the contrary.
var operators = map[string]struct {
	equal   func(got, want string) bool
	negated bool
}{
	"StringEquals":              {func(got, want string) bool { return got == want }, false},
	"StringNotEquals":           {func(got, want string) bool { return got == want }, true},
	"StringEqualsIgnoreCase":    {strings.EqualFold, false},
	"StringNotEqualsIgnoreCase": {strings.EqualFold, true},
	"StringLike":                {like, false},
	"StringNotLike":             {like, true},
	"ArnEquals":                 {arnLike, false},
	"ArnLike":                   {arnLike, false},
	"ArnNotEquals":              {arnLike, true},
	"ArnNotLike":                {arnLike, true},
	"Bool":                      {strings.EqualFold, false},
}

func conditions(v any) ([]Condition, error) {
	byOperator, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("must be a mapping, got %v", v)
	}
	var out []Condition
	for _, operator := range slices.Sorted(maps.Keys(byOperator)) {
		c := Condition{Operator: operator}
		name := operator
		if set, rest, ok := strings.Cut(name, ":"); ok {
			if set != "ForAnyValue" && set != "ForAllValues" {
				return nil, fmt.Errorf("the operator %s is not known", operator)
			}
			c.set, name = set, rest
		}
		name, c.ifExists = strings.CutSuffix(name, "IfExists")
		known, ok := operators[name]
		if !ok {
			return nil, fmt.Errorf("the operator %s is not supported by the local runtime", operator)
		}
		c.equal, c.negated = known.equal, known.negated
		byKey, ok := byOperator[operator].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s must be a mapping, got %v", operator, byOperator[operator])
		}
		for _, key := range slices.Sorted(maps.Keys(byKey)) {
			one := c
			one.Key = key
			var err error
			if one.Values, err = texts(byKey[key]); err != nil {
				return nil, fmt.Errorf("%s %s: %w", operator, key, err)
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// holds reports whether a request meets the condition. A key that the request has not fails it, unless the operator asks
// for the contrary, for all values, or says IfExists.
func (c *Condition) holds(context map[string][]string) bool {
	var got []string
	for key, values := range context {
		if strings.EqualFold(key, c.Key) {
			got = values
		}
	}
	if len(got) == 0 {
		return c.ifExists || c.set == "ForAllValues" || c.negated && c.set == ""
	}
	meets := func(value string) bool {
		return slices.ContainsFunc(c.Values, func(want string) bool { return c.equal(value, want) }) != c.negated
	}
	if c.set == "ForAnyValue" {
		return slices.ContainsFunc(got, meets)
	}
	return !slices.ContainsFunc(got, func(value string) bool { return !meets(value) })
}
