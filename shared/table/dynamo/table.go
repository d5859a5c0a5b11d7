// Package dynamo is the storage port over Amazon DynamoDB, by aws-sdk-go-v2.
//
// The SDK's own retries are switched off for its calls: the driver tries again itself, so that it knows when an answer was
// lost. One limit remains: a Write of a single counter whose answer was lost is recognised by the write_id on the item,
// so it would be counted twice if another Write reached the same counter before the second try. In a transaction the
// request token rules that out, too.
package dynamo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/table"
)

// Client is what the driver uses of *dynamodb.Client.
type Client interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Table is one DynamoDB table.
type Table struct {
	client  Client
	name    string
	indexes []table.Index
	now     func() time.Time
	sleep   func(ctx context.Context, d time.Duration) error
	below   func(n int64) int64
}

var _ table.Table = (*Table)(nil)

// New gives the table of that name, which has global secondary indexes of the names of indexes (EnsureTable makes such a
// one). now decides what has expired. Nothing is sent.
func New(client Client, tableName string, indexes []table.Index, now func() time.Time, options ...Option) *Table {
	t := &Table{
		client: client, name: tableName, indexes: slices.Clone(indexes), now: now,
		sleep: sleep, below: randBelow,
	}
	for _, o := range options {
		o(t)
	}
	return t
}

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key) (item table.Item, found bool, err error) {
	if err := table.CheckKey(key); err != nil {
		return table.Item{}, false, err
	}
	var out *dynamodb.GetItemOutput
	err = t.retry(ctx, func() (err error) {
		out, err = t.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &t.name, Key: keyAttributes(key), ConsistentRead: aws.Bool(true),
		}, once)
		return err
	})
	if err != nil {
		return table.Item{}, false, fmt.Errorf("get %s: %w", key, err)
	}
	if out.Item == nil {
		return table.Item{}, false, nil
	}
	item, err = itemOf(out.Item, t.indexes)
	if err != nil || t.expired(item) {
		return table.Item{}, false, err
	}
	return item, true, nil
}

func (t *Table) expired(item table.Item) bool {
	return table.Expired(table.Epoch(item.ExpiresAt), t.now())
}

// BatchGet implements table.Table. What DynamoDB leaves unprocessed is asked for again.
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	if err := table.CheckBatchGet(keys); err != nil {
		return nil, err
	}
	found := make(map[table.Key]table.Item, len(keys))
	if len(keys) == 0 {
		return found, ctx.Err()
	}
	left := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, key := range keys {
		left.Keys = append(left.Keys, keyAttributes(key))
	}
	for len(left.Keys) > 0 {
		// Tries are counted from anew whenever some keys were answered: a large answer comes in many parts.
		err := t.retry(ctx, func() error {
			out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{t.name: left},
			}, once)
			if err != nil {
				return err
			}
			for _, a := range out.Responses[t.name] {
				item, err := itemOf(a, t.indexes)
				if err != nil {
					return err
				}
				if !t.expired(item) {
					found[item.Key] = item
				}
			}
			before := len(left.Keys)
			left.Keys = out.UnprocessedKeys[t.name].Keys
			if len(left.Keys) == before {
				return &types.ProvisionedThroughputExceededException{Message: aws.String("no key of a batch was processed")}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("get %d items: %w", len(keys), err)
		}
	}
	return found, nil
}
