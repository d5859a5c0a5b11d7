package dynamodb

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

// legacy are the parameters that requests had before there were expressions (developer guide, "Legacy conditional
// parameters").
type legacy struct {
	AttributesToGet     []string
	AttributeUpdates    map[string]legacyUpdate
	Expected            map[string]legacyCondition
	KeyConditions       map[string]legacyCondition
	QueryFilter         map[string]legacyCondition
	ScanFilter          map[string]legacyCondition
	ConditionalOperator string
}

type legacyUpdate struct {
	Action string
	Value  json.RawMessage
}

type legacyCondition struct {
	ComparisonOperator string
	AttributeValueList []json.RawMessage
	Exists             *bool
	Value              json.RawMessage
}

// given names the parameters that a request has.
func (l legacy) given() []string {
	var names []string
	for _, one := range []struct {
		name  string
		given bool
	}{
		{"AttributesToGet", l.AttributesToGet != nil},
		{"AttributeUpdates", l.AttributeUpdates != nil},
		{"Expected", l.Expected != nil},
		{"KeyConditions", l.KeyConditions != nil},
		{"QueryFilter", l.QueryFilter != nil},
		{"ScanFilter", l.ScanFilter != nil},
		{"ConditionalOperator", l.ConditionalOperator != ""},
	} {
		if one.given {
			names = append(names, one.name)
		}
	}
	return names
}

// given names the expressions that a request has.
func (e expressions) given() []string {
	var names []string
	for _, one := range []struct {
		name string
		text *string
	}{
		{expression.UpdateClause, e.UpdateExpression},
		{expression.ConditionClause, e.ConditionExpression},
		{expression.KeyConditionClause, e.KeyConditionExpression},
		{expression.FilterClause, e.FilterExpression},
		{expression.ProjectionClause, e.ProjectionExpression},
	} {
		if one.text != nil {
			names = append(names, one.name)
		}
	}
	return names
}

// checkMixed refuses expressions beside what they have replaced.
func (in *itemRequest) checkMixed() error {
	old, now := in.legacy.given(), in.expressions.given()
	if len(old) == 0 || len(now) == 0 {
		return nil
	}
	return invalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {%s} Expression parameters: {%s}",
		strings.Join(old, ", "), strings.Join(now, ", "))
}

// either reports whether one condition of several is enough.
func (l legacy) either(conditions int) (bool, error) {
	switch {
	case l.ConditionalOperator == "":
		return false, nil
	case conditions == 0:
		return false, invalid("ConditionalOperator cannot be used without Filter or Expected")
	case conditions == 1:
		return false, invalid("ConditionalOperator can only be used when Filter or Expected has two or more elements")
	}
	return l.ConditionalOperator == "OR", checkEnum("conditionalOperator", l.ConditionalOperator, "OR", "AND")
}

// legacyProjection gives the attributes of AttributesToGet; nil when there is none.
func (l legacy) legacyProjection() ([]expression.Path, error) {
	if l.AttributesToGet == nil {
		return nil, nil
	}
	paths := make([]expression.Path, len(l.AttributesToGet))
	for i, name := range l.AttributesToGet {
		if slices.Contains(l.AttributesToGet[:i], name) {
			return nil, invalidValue("Duplicate value in attribute name: %s", name)
		}
		paths[i] = expression.Path{{Name: name}}
	}
	return paths, nil
}

// legacyChange reads Expected and AttributeUpdates.
func (in *itemRequest) legacyChange(p *prepared) error {
	u := &expression.Update{}
	for _, name := range slices.Sorted(maps.Keys(in.AttributeUpdates)) {
		if err := in.AttributeUpdates[name].addTo(u, name); err != nil {
			return err
		}
	}
	p.updates(u)
	either, err := in.either(len(in.Expected))
	if err != nil || len(in.Expected) == 0 {
		return err
	}
	var list []expression.Comparison
	for _, name := range slices.Sorted(maps.Keys(in.Expected)) {
		c, err := in.Expected[name].expected(name)
		if err != nil {
			return err
		}
		list = append(list, c)
	}
	p.condition, err = expression.Compare(list, either)
	return err
}

func (l legacyUpdate) addTo(u *expression.Update, name string) error {
	if err := checkEnum("attributeUpdates."+name+".member.action", l.Action, "ADD", "DELETE", "PUT"); err != nil {
		return err
	}
	var v attribute.Value
	section := l.Action
	if l.Value == nil {
		if l.Action != "DELETE" {
			return invalidValue("Only DELETE action is allowed when no attribute value is specified")
		}
		section = "REMOVE"
	} else {
		var err error
		if v, err = attribute.Parse(l.Value); err != nil {
			return err
		}
	}
	if section == "" || section == "PUT" {
		section = "SET"
	}
	return u.AddAction(section, name, v)
}

// comparison reads a condition of a query, a scan or, in its newer form, of a write.
func (l legacyCondition) comparison(name string) (expression.Comparison, error) {
	c := expression.Comparison{Name: name, Op: l.ComparisonOperator}
	list := l.AttributeValueList
	if l.Value != nil {
		list = append(list, l.Value)
	}
	for _, raw := range list {
		v, err := attribute.Parse(raw)
		if err != nil {
			return c, err
		}
		c.Values = append(c.Values, v)
	}
	return c, nil
}

// expected reads a condition of a write.
func (l legacyCondition) expected(name string) (expression.Comparison, error) {
	shown := "null"
	if l.Exists != nil {
		shown = map[bool]string{true: "true", false: "false"}[*l.Exists]
	}
	absent := l.Exists != nil && !*l.Exists
	switch {
	case l.ComparisonOperator != "" && l.Exists != nil:
		return expression.Comparison{}, invalidValue("Exists and ComparisonOperator cannot be used together for Attribute: %s", name)
	case l.ComparisonOperator != "" && l.Value != nil && l.AttributeValueList != nil:
		return expression.Comparison{}, invalidValue("Value and AttributeValueList cannot be used together for Attribute: %s", name)
	case l.ComparisonOperator != "":
		return l.comparison(name)
	case l.AttributeValueList != nil:
		return expression.Comparison{}, invalidValue("AttributeValueList can only be used with a ComparisonOperator for Attribute: %s", name)
	case absent && l.Value != nil:
		return expression.Comparison{}, invalidValue("Value cannot be used when Exists is false for Attribute: %s", name)
	case absent:
		return expression.Comparison{Name: name, Op: "NULL"}, nil
	case l.Value == nil:
		return expression.Comparison{}, invalidValue("Value must be provided when Exists is %s for Attribute: %s", shown, name)
	}
	l.ComparisonOperator = "EQ"
	return l.comparison(name)
}

func comparisons(conditions map[string]legacyCondition) ([]expression.Comparison, error) {
	var list []expression.Comparison
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		c, err := conditions[name].comparison(name)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// legacyFilter reads QueryFilter or ScanFilter; nil when there is none.
func (l legacy) legacyFilter() (*expression.Condition, error) {
	conditions := l.QueryFilter
	if conditions == nil {
		conditions = l.ScanFilter
	}
	either, err := l.either(len(conditions))
	if err != nil || len(conditions) == 0 {
		return nil, err
	}
	list, err := comparisons(conditions)
	if err != nil {
		return nil, err
	}
	return expression.Compare(list, either)
}

func (l legacy) legacyKeyConditions() ([]expression.KeyCondition, error) {
	list, err := comparisons(l.KeyConditions)
	if err != nil {
		return nil, err
	}
	return expression.CompareKeys(list)
}
