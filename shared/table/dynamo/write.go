package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/table"
)

// Write implements table.Table.
//
// A counter is first sent as an update, which holds for live and absent items. If the stored one has expired, the
// condition fails and shows it; the counter is then sent as a put of a new item, under the condition that there is still
// none but an expired one. Should another writer have made it anew meanwhile, it is an update again.
func (t *Table) Write(ctx context.Context, w table.Write) error {
	if err := table.CheckWrite(w, t.indexes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// One time for all tries: the request stays the same, and so does its token.
	a := attempt{table: t, write: w, now: t.now(), ops: operations(w)}
	if err := t.retry(ctx, func() error { return a.try(ctx) }); err != nil {
		var failed *table.ConditionError
		if errors.As(err, &failed) {
			return err
		}
		return fmt.Errorf("write %s: %w", w.ID, err)
	}
	return nil
}

// attempt is one call of Write.
type attempt struct {
	table *Table
	write table.Write
	now   time.Time
	ops   []operation
	lost  bool // an answer may have been lost
}

// operation is one part of a Write, in the order of ConditionError.Failed.
type operation struct {
	key     table.Key
	put     *table.Put
	del     *table.Delete
	counter *table.Counter
	anew    bool // the counter is sent as a put in place of an expired item
}

func operations(w table.Write) []operation {
	ops := make([]operation, 0, len(w.Puts)+len(w.Deletes)+len(w.Counters))
	for i := range w.Puts {
		ops = append(ops, operation{key: w.Puts[i].Item.Key, put: &w.Puts[i]})
	}
	for i := range w.Deletes {
		ops = append(ops, operation{key: w.Deletes[i].Key, del: &w.Deletes[i]})
	}
	for i := range w.Counters {
		ops = append(ops, operation{key: w.Counters[i].Key, counter: &w.Counters[i]})
	}
	return ops
}

// try sends the Write once.
func (a *attempt) try(ctx context.Context) error {
	var err error
	if len(a.ops) == 1 {
		err = a.sendOne(ctx, a.ops[0])
	} else {
		err = a.sendAll(ctx)
	}
	if err == nil {
		return nil
	}
	if refused := refusals(err); len(refused) > 0 {
		return a.judge(refused)
	}
	a.lost = a.lost || isLost(err)
	return err
}

// refusals gives the stored item (nil: none) of each operation whose condition failed, by place.
func refusals(err error) map[int]attributes {
	var one *types.ConditionalCheckFailedException
	if errors.As(err, &one) {
		return map[int]attributes{0: one.Item}
	}
	var all *types.TransactionCanceledException
	if !errors.As(err, &all) {
		return nil
	}
	refused := map[int]attributes{}
	for i, r := range all.CancellationReasons {
		if aws.ToString(r.Code) == "ConditionalCheckFailed" {
			refused[i] = r.Item
		}
	}
	return refused
}

// judge says what failed conditions mean: that an earlier try was applied, that a counter must be sent in its other form,
// or that the Write fails.
func (a *attempt) judge(refused map[int]attributes) error {
	for _, old := range refused {
		if id, ok := old[attrWriteID].(*types.AttributeValueMemberS); ok && id.Value == a.write.ID {
			return nil
		}
	}
	var failed []table.Key
	for i := range a.ops {
		op := &a.ops[i]
		old, ok := refused[i]
		if !ok {
			continue
		}
		if len(a.ops) == 1 && op.del != nil && a.lost && len(old) == 0 {
			return nil // a delete leaves no write_id; that it is gone after a lost answer was most likely this one's doing
		}
		if op.counter != nil && a.turn(op, old) {
			continue
		}
		failed = append(failed, op.key)
	}
	if len(failed) > 0 {
		return &table.ConditionError{Failed: failed}
	}
	return errAgain
}

// turn gives a counter its other form if that may succeed.
func (a *attempt) turn(op *operation, old attributes) bool {
	if op.anew {
		op.anew = false
		return true
	}
	e, err := numberOf(old, attrExpires)
	if err != nil || !table.Expired(e, a.now) {
		return false
	}
	op.anew = op.counter.Max == 0 || op.counter.Add <= op.counter.Max
	return op.anew
}

// change is an operation in DynamoDB's terms; exactly one of item, update and neither (a delete).
type change struct {
	item      attributes
	update    string
	condition string
	names     map[string]string
	values    attributes
}

func (a *attempt) change(op operation) change {
	now := number(a.now.Unix())
	absent := func(item attributes) change {
		return change{item: item, condition: ifAbsent, values: attributes{":now": now}}
	}
	switch {
	case op.put != nil:
		c := absent(itemAttributes(op.put.Item, op.put.WantV+1, a.write.ID))
		if op.put.WantV != 0 {
			c.condition = ifVersion
			c.values[":v"] = number(op.put.WantV)
		}
		return c
	case op.del != nil:
		return change{condition: ifVersion, values: attributes{":now": now, ":v": number(op.del.WantV)}}
	case op.anew:
		item := itemAttributes(table.Item{Key: op.key, ExpiresAt: op.counter.ExpiresAt}, 1, a.write.ID)
		item[op.counter.Field] = number(op.counter.Add)
		return absent(item)
	}
	n := op.counter
	c := change{
		update: addNumber, condition: ifCounts,
		names:  map[string]string{"#n": n.Field},
		values: attributes{":now": now, ":w": text(a.write.ID), ":one": number(1), ":add": number(n.Add)},
	}
	if e := table.Epoch(n.ExpiresAt); e != 0 {
		c.update = addNumberExpiring
		c.values[":e"] = number(e)
	}
	if n.Max != 0 {
		c.condition = ifRoom
		if n.Add > n.Max {
			c.condition = ifRoomThere
		}
		c.values[":room"] = number(n.Max - n.Add)
	}
	return c
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

func (a *attempt) sendOne(ctx context.Context, op operation) error {
	c, client, name := a.change(op), a.table.client, &a.table.name
	var err error
	switch {
	case c.item != nil:
		_, err = client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: name, Item: c.item, ConditionExpression: &c.condition,
			ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld,
		}, once)
	case c.update != "":
		_, err = client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: name, Key: keyAttributes(op.key), UpdateExpression: &c.update, ConditionExpression: &c.condition,
			ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld,
		}, once)
	default:
		_, err = client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: name, Key: keyAttributes(op.key), ConditionExpression: &c.condition,
			ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld,
		}, once)
	}
	return err
}

func (a *attempt) sendAll(ctx context.Context) error {
	name := &a.table.name
	items := make([]types.TransactWriteItem, 0, len(a.ops))
	for _, op := range a.ops {
		c := a.change(op)
		var item types.TransactWriteItem
		switch {
		case c.item != nil:
			item.Put = &types.Put{
				TableName: name, Item: c.item, ConditionExpression: &c.condition,
				ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld,
			}
		case c.update != "":
			item.Update = &types.Update{
				TableName: name, Key: keyAttributes(op.key), UpdateExpression: &c.update, ConditionExpression: &c.condition,
				ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld,
			}
		default:
			item.Delete = &types.Delete{
				TableName: name, Key: keyAttributes(op.key), ConditionExpression: &c.condition,
				ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld,
			}
		}
		items = append(items, item)
	}
	_, err := a.table.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: items, ClientRequestToken: aws.String(a.token()),
	}, once)
	return err
}

// token names the request: DynamoDB answers a repeated one, for ten minutes, without doing it again, and refuses a
// different one under the same token, whichever table either is for. So it covers the table, the ID and all that may
// differ from one request under that ID to the next: the time and the form of the counters.
func (a *attempt) token() string {
	h := sha256.New()
	h.Write([]byte(a.table.name))
	h.Write(append([]byte{0}, a.write.ID...))
	h.Write(strconv.AppendInt([]byte{0}, a.now.Unix(), 10))
	for _, op := range a.ops {
		h.Write(strconv.AppendBool([]byte{0}, op.anew))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
