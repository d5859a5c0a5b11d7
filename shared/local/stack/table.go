package stack

import (
	"encoding/json"
	"fmt"
	"strconv"
)

func (s *Stack) addTable(res resource, p properties, name, arn string) error {
	t := Table{LogicalID: res.id, Name: name, ARN: arn}
	t.Hash, t.Range = keys(p.list("KeySchema"))
	if ttl := p.sub("TimeToLiveSpecification"); ttl.text("Enabled") == "true" {
		t.TTL = ttl.text("AttributeName")
	}
	for _, i := range p.list("GlobalSecondaryIndexes") {
		hash, sort := keys(i.list("KeySchema"))
		projection := i.sub("Projection")
		t.Indexes = append(t.Indexes, Index{
			Name: i.text("IndexName"), Hash: hash, Range: sort,
			Type: projection.text("ProjectionType"), Include: projection.texts("NonKeyAttributes"),
		})
	}
	all, _ := typed("", map[string]any(p)).(map[string]any)
	all["TableName"] = name
	var err error
	if t.Properties, err = json.Marshal(all); err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	s.Tables = append(s.Tables, t)
	return nil
}

func keys(schema []properties) (hash, sort string) {
	for _, k := range schema {
		if k.text("KeyType") == "HASH" {
			hash = k.text("AttributeName")
		} else {
			sort = k.text("AttributeName")
		}
	}
	return hash, sort
}

// typed copies a property with numbers and booleans that are written as texts, as parameters are, put right.
func typed(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for member, inner := range v {
			out[member] = typed(member, inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = typed(name, v[i])
		}
		return out
	case string:
		switch name {
		case "ReadCapacityUnits", "WriteCapacityUnits":
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				return n
			}
		case "Enabled", "DeletionProtectionEnabled":
			return v == "true"
		}
	}
	return v
}

// simpleTable gives the properties of the table that SAM makes of an AWS::Serverless::SimpleTable.
func simpleTable(p properties) properties {
	key := p.sub("PrimaryKey")
	name, kind := key.text("Name"), map[string]string{"Number": "N", "Binary": "B"}[key.text("Type")]
	if name == "" {
		name = "id"
	}
	if kind == "" {
		kind = "S"
	}
	out := properties{
		"AttributeDefinitions": []any{map[string]any{"AttributeName": name, "AttributeType": kind}},
		"KeySchema":            []any{map[string]any{"AttributeName": name, "KeyType": "HASH"}},
		"BillingMode":          "PAY_PER_REQUEST",
	}
	if t := p.sub("ProvisionedThroughput"); t != nil {
		out["BillingMode"], out["ProvisionedThroughput"] = "PROVISIONED", map[string]any(t)
	}
	return out
}
