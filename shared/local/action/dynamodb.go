package action

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"opsflow/shared/local/iam"
)

const tableARN = "arn:aws:dynamodb:" + place + ":table/"

// onTables are the operations of DynamoDB that ask for more, or for other actions, than the one of their name on their table.
var onTables = map[string]func(Reader, object) []iam.Request{
	"BatchGetItem":       batch("dynamodb:BatchGetItem"),
	"BatchWriteItem":     batch("dynamodb:BatchWriteItem"),
	"TransactWriteItems": transaction,
	"TransactGetItems":   transaction,
	"Query":              search("dynamodb:Query"),
	"Scan":               search("dynamodb:Scan"),
}

// transacted are the actions of a transaction's members: DynamoDB knows none for transactions.
var transacted = map[string]string{
	"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem", "Get": "dynamodb:GetItem",
	"ConditionCheck": "dynamodb:ConditionCheckItem",
}

func tables(rd Reader, operation string, in object) []iam.Request {
	if asks, ok := onTables[operation]; ok {
		return asks(rd, in)
	}
	return []iam.Request{rd.item("dynamodb:"+operation, in.first("TableName", "ResourceArn"), in)}
}

// item is an action on a table with the partition that the request is about.
func (rd Reader) item(action, table string, in object) iam.Request {
	r := iam.Request{Action: action, Resource: arn(tableARN, table)}
	for _, member := range []string{"Key", "Item"} {
		if key := in.object(member); key != nil {
			r.Context = leading(rd.partition(table, key))
		}
	}
	return r
}

// leading is the condition key for partitions. One that is not known is "", so that no policy about partitions allows it.
func leading(partitions ...string) map[string][]string {
	if len(partitions) == 0 {
		partitions = []string{""}
	}
	return map[string][]string{"dynamodb:LeadingKeys": partitions}
}

// partition gives the text of a key's partition.
func (rd Reader) partition(table string, key object) string {
	if rd.HashKey == nil {
		return ""
	}
	return plain(key.object(rd.HashKey(table[strings.LastIndexByte(table, '/')+1:])))
}

// plain gives what an attribute of a key holds.
func plain(attribute object) string { return attribute.first("S", "N", "B") }

func batch(action string) func(Reader, object) []iam.Request {
	return func(rd Reader, in object) []iam.Request {
		var out []iam.Request
		items := in.object("RequestItems")
		for _, table := range slices.Sorted(maps.Keys(items)) {
			var keys []string
			for _, key := range items.object(table).list("Keys") {
				keys = append(keys, rd.partition(table, key))
			}
			for _, write := range items.list(table) {
				keys = append(keys,
					rd.partition(table, write.object("PutRequest").object("Item"))+rd.partition(table, write.object("DeleteRequest").object("Key")))
			}
			out = append(out, iam.Request{Action: action, Resource: arn(tableARN, table), Context: leading(keys...)})
		}
		return orAnything(out, action)
	}
}

func transaction(rd Reader, in object) []iam.Request {
	var out []iam.Request
	for _, member := range in.list("TransactItems") {
		for _, kind := range slices.Sorted(maps.Keys(member)) {
			action, ok := transacted[kind]
			if !ok {
				action = "dynamodb:" + kind
			}
			part := member.object(kind)
			out = append(out, rd.item(action, part.text("TableName"), part))
		}
	}
	return orAnything(out, "dynamodb:TransactWriteItems")
}

// orAnything makes sure that a request asks for something.
func orAnything(requests []iam.Request, action string) []iam.Request {
	if len(requests) == 0 {
		return on(action, anything)
	}
	return requests
}

// search is a query or a scan, of a table or an index.
func search(action string) func(Reader, object) []iam.Request {
	return func(rd Reader, in object) []iam.Request {
		r := iam.Request{Action: action, Resource: arn(tableARN, in.text("TableName")), Context: leading(rd.queried(in))}
		if index := in.text("IndexName"); index != "" {
			r.Resource += "/index/" + index
		}
		return []iam.Request{r}
	}
}

// equality finds the conditions of a key expression that name one value: "pk = :pk", "#p=:p".
var equality = regexp.MustCompile(`([#\w.-]+)\s*=\s*(:\w+)`)

// queried gives the partition that a query reads: its value in the first equality of the key condition, which in an index is
// about the index's own key.
func (rd Reader) queried(in object) string {
	found := equality.FindAllStringSubmatch(in.text("KeyConditionExpression"), -1)
	if len(found) == 0 {
		return ""
	}
	value := found[0][2]
	if rd.HashKey != nil && in.text("IndexName") == "" {
		hash := rd.HashKey(in.text("TableName"))
		for _, f := range found {
			name := f[1]
			if in.object("ExpressionAttributeNames").text(name) == hash || name == hash {
				value = f[2]
			}
		}
	}
	return plain(in.object("ExpressionAttributeValues").object(value))
}
