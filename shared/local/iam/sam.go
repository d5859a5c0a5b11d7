package iam

import (
	_ "embed" // what SAM grants
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// templatesJSON are SAM's policy templates for the services that are here and those that stacks use beside them, as AWS SAM
// translator 1.115 has them: ${Name}s of parameters and pseudo parameters in their resources.
//
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html
//
//go:embed templates.json
var templatesJSON []byte

// ExpandTemplate gives what one of SAM's policy templates grants in a region and account. An error for one that is not
// known, and for parameters that it has not or that are missing.
func ExpandTemplate(name string, parameters map[string]string, region, account string) ([]Statement, error) {
	var templates map[string]struct {
		Parameters []string
		Statement  []any
	}
	if err := json.Unmarshal(templatesJSON, &templates); err != nil {
		return nil, fmt.Errorf("read SAM's policy templates: %w", err)
	}
	t, ok := templates[name]
	if !ok {
		return nil, fmt.Errorf("the local runtime does not know the policy template %s; it knows %s",
			name, strings.Join(slices.Sorted(maps.Keys(templates)), ", "))
	}
	values := pseudo(region, account)
	for _, p := range t.Parameters {
		v, ok := parameters[p]
		if !ok {
			return nil, fmt.Errorf("the policy template %s needs %s", name, p)
		}
		values["${"+p+"}"] = v
	}
	for _, p := range slices.Sorted(maps.Keys(parameters)) {
		if !slices.Contains(t.Parameters, p) {
			return nil, fmt.Errorf("the policy template %s has no parameter %s", name, p)
		}
	}
	return expand(t.Statement, values)
}

func pseudo(region, account string) map[string]string {
	return map[string]string{"${AWS::Partition}": "aws", "${AWS::Region}": region, "${AWS::AccountId}": account}
}

// expand puts values in the place of the ${Name}s of statements that all allow.
func expand(statements []any, values map[string]string) ([]Statement, error) {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, name, values[name])
	}
	replace := strings.NewReplacer(pairs...)
	out := make([]Statement, len(statements))
	for i, s := range statements {
		filled, ok := fill(s, replace).(map[string]any)
		if !ok {
			return nil, fmt.Errorf("statement %d is not an object", i+1)
		}
		filled["Effect"] = "Allow"
		var err error
		if out[i], err = ParseStatement(filled); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func fill(v any, replace *strings.Replacer) any {
	switch v := v.(type) {
	case string:
		return replace.Replace(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = fill(v[i], replace)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = fill(v[key], replace)
		}
		return out
	}
	return v
}
