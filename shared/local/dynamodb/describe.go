package dynamodb

import (
	"context"
)

func (h *handler) arn() string { return "arn:aws:dynamodb:us-east-1:000000000000:table/" + h.name }

func (h *handler) listTables(context.Context, request) (any, error) {
	return map[string]any{"TableNames": []string{h.name}}, nil
}

func (h *handler) describeTable(context.Context, request) (any, error) {
	type fields = map[string]any
	defined := []fields{}
	schema := func(pk, sk string) []fields {
		defined = append(defined,
			fields{"AttributeName": pk, "AttributeType": "S"}, fields{"AttributeName": sk, "AttributeType": "S"})
		return []fields{{"AttributeName": pk, "KeyType": "HASH"}, {"AttributeName": sk, "KeyType": "RANGE"}}
	}
	described := fields{
		"TableName":          h.name,
		"TableArn":           h.arn(),
		"TableStatus":        "ACTIVE",
		"CreationDateTime":   h.now().Unix(),
		"KeySchema":          schema("pk", "sk"),
		"BillingModeSummary": fields{"BillingMode": "PAY_PER_REQUEST"},
	}
	indexes := []fields{}
	for _, ix := range h.indexes {
		projection := fields{"ProjectionType": "KEYS_ONLY"}
		if len(ix.Project) > 0 {
			projection = fields{
				"ProjectionType": "INCLUDE", "NonKeyAttributes": append([]string{"v", "expires_at"}, ix.Project...),
			}
		}
		indexes = append(indexes, fields{
			"IndexName": ix.Name, "IndexArn": h.arn() + "/index/" + ix.Name, "IndexStatus": "ACTIVE",
			"KeySchema": schema(ix.Name+"_pk", ix.Name+"_sk"), "Projection": projection,
		})
	}
	if len(indexes) > 0 {
		described["GlobalSecondaryIndexes"] = indexes
	}
	described["AttributeDefinitions"] = defined
	return map[string]any{"Table": described}, nil
}
