package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/table"
)

// maxAsks bounds how often one page asks on because DynamoDB ended its answer at 1 MB or because items had expired.
const maxAsks = 10

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	q, err := table.CheckQuery(q, t.indexes)
	if err != nil {
		return table.Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return table.Page{}, err
	}
	if q.To != "" && q.From > q.To {
		return table.Page{}, nil // DynamoDB calls that an error
	}
	in := t.queryInput(q)
	var page table.Page
	for range maxAsks {
		in.Limit = aws.Int32(int32(q.Limit - len(page.Items))) //nolint:gosec // 1 to 1000
		var out *dynamodb.QueryOutput
		err := t.retry(ctx, func() (err error) {
			out, err = t.client.Query(ctx, in, once)
			return err
		})
		if err != nil {
			return table.Page{}, fmt.Errorf("query %q: %w", q.PK, err)
		}
		for _, a := range out.Items {
			item, err := itemOf(a, t.indexes)
			if err != nil {
				return table.Page{}, fmt.Errorf("query %q: %w", q.PK, err)
			}
			if !t.expired(item) {
				page.Items = append(page.Items, item)
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			page.Next = nil
			return page, nil
		}
		if page.Next, err = placeOf(out.LastEvaluatedKey, q.Index); err != nil {
			return table.Page{}, fmt.Errorf("query %q: %w", q.PK, err)
		}
		if len(page.Items) == q.Limit {
			break
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return page, nil
}

func (t *Table) queryInput(q table.Query) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                 &t.name,
		ScanIndexForward:          aws.Bool(!q.Descending),
		KeyConditionExpression:    aws.String(wholePartition),
		ExpressionAttributeNames:  map[string]string{"#p": attrPK, "#s": attrSK},
		ExpressionAttributeValues: attributes{":p": text(q.PK)},
	}
	if q.Consistent {
		in.ConsistentRead = aws.Bool(true)
	}
	if q.Index != "" {
		in.IndexName = &q.Index
		in.ExpressionAttributeNames = map[string]string{"#p": q.Index + "_pk", "#s": q.Index + "_sk"}
	}
	values := in.ExpressionAttributeValues
	switch {
	case q.Prefix != "":
		in.KeyConditionExpression = aws.String(keyPrefix)
		values[":prefix"] = text(q.Prefix)
	case q.From != "" && q.To != "":
		in.KeyConditionExpression = aws.String(keyBetween)
		values[":from"], values[":to"] = text(q.From), text(q.To)
	case q.From != "":
		in.KeyConditionExpression = aws.String(keyFrom)
		values[":from"] = text(q.From)
	case q.To != "":
		in.KeyConditionExpression = aws.String(keyTo)
		values[":to"] = text(q.To)
	default:
		delete(in.ExpressionAttributeNames, "#s")
	}
	if q.After != nil {
		in.ExclusiveStartKey = keyAttributes(q.After.Key)
		if q.Index != "" {
			in.ExclusiveStartKey[q.Index+"_pk"] = text(q.After.Index.PK)
			in.ExclusiveStartKey[q.Index+"_sk"] = text(q.After.Index.SK)
		}
	}
	return in
}

func placeOf(a attributes, index string) (*table.Place, error) {
	var p table.Place
	var err error
	if p.Key, err = keyOf(a, attrPK, attrSK); err != nil {
		return nil, err
	}
	if index != "" {
		p.Index, err = keyOf(a, index+"_pk", index+"_sk")
	}
	return &p, err
}
