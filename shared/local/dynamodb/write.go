package dynamodb

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"opsflow/shared/table"
	"opsflow/shared/table/dynamo/expr"
)

// deleteID stands for the ID of a Write of deletes only. They leave no ID behind, so that it need not be unique.
const deleteID = "delete"

// changes gathers a Write from the parts of a request.
type changes struct {
	handler *handler
	write   table.Write
	parts   []part // in the order of the request
}

// part is where a change of the request went.
type part struct {
	key     table.Key
	showOld bool
}

// addPut reads a put that says which version it replaces.
func (c *changes) addPut(in change, a attributes) error {
	item, v, id, err := c.handler.item(a)
	if err != nil {
		return err
	}
	var wantV int64
	switch in.ConditionExpression {
	case expr.Absent:
	case expr.Version:
		if wantV, err = in.ExpressionAttributeValues.number(":v"); err != nil {
			return err
		}
	default:
		return unsupported("a put with the condition %q", in.ConditionExpression)
	}
	if v != wantV+1 {
		return unsupported("a put of version %d over version %d", v, wantV)
	}
	c.write.Puts = append(c.write.Puts, table.Put{Item: item, WantV: wantV})
	return c.add(in, item.Key, id)
}

// addUpdate reads a counter.
func (c *changes) addUpdate(in change) error {
	key, err := in.Key.itemKey()
	if err != nil {
		return err
	}
	n := table.Counter{Key: key, Field: in.name("#n")}
	values := in.ExpressionAttributeValues
	if n.Add, err = values.number(":add"); err != nil {
		return unsupported("the update %q", in.UpdateExpression)
	}
	switch in.UpdateExpression {
	case expr.Add:
	case expr.AddExpires:
		e, err := values.number(":e")
		if err != nil {
			return err
		}
		n.ExpiresAt = time.Unix(e, 0).UTC()
	default:
		return unsupported("the update %q", in.UpdateExpression)
	}
	switch in.ConditionExpression {
	case expr.Count:
	case expr.CountUpTo, expr.CountBelow:
		room, err := values.number(":room")
		if err != nil {
			return err
		}
		n.Max = room + n.Add
	default:
		return unsupported("an update with the condition %q", in.ConditionExpression)
	}
	id, err := values.text(":w")
	if err != nil {
		return err
	}
	c.write.Counters = append(c.write.Counters, n)
	return c.add(in, key, id)
}

// addDelete reads a delete of one version.
func (c *changes) addDelete(in change) error {
	key, err := in.Key.itemKey()
	if err != nil {
		return err
	}
	if in.ConditionExpression != expr.Version {
		return unsupported("a delete with the condition %q", in.ConditionExpression)
	}
	wantV, err := in.ExpressionAttributeValues.number(":v")
	if err != nil {
		return err
	}
	c.write.Deletes = append(c.write.Deletes, table.Delete{Key: key, WantV: wantV})
	return c.add(in, key, "")
}

func (c *changes) add(in change, key table.Key, id string) error {
	if id != "" && c.write.ID != "" && c.write.ID != id {
		return unsupported("a transaction of more than one write_id")
	}
	if id != "" {
		c.write.ID = id
	}
	c.parts = append(c.parts, part{key, in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"})
	return nil
}

// apply writes, and gives the parts whose condition failed.
func (c *changes) apply(ctx context.Context) (failed []table.Key, err error) {
	if c.write.ID == "" {
		c.write.ID = deleteID
	}
	err = c.handler.table.Write(ctx, c.write)
	var refused *table.ConditionError
	if errors.As(err, &refused) {
		return refused.Failed, nil
	}
	return nil, err
}

// old gives what is stored in the way of a part, if the request asked for it.
func (c *changes) old(ctx context.Context, p part) (attributes, error) {
	if !p.showOld {
		return nil, nil
	}
	item, found, err := c.handler.table.Get(ctx, p.key)
	if err != nil || !found {
		return nil, err
	}
	return itemAttributes(item), nil
}

func (h *handler) putItem(ctx context.Context, r request) (any, error) {
	c := &changes{handler: h}
	if err := c.addPut(r.change, r.Item); err != nil {
		return nil, err
	}
	return c.one(ctx, r)
}

func (h *handler) updateItem(ctx context.Context, r request) (any, error) {
	c := &changes{handler: h}
	if err := c.addUpdate(r.change); err != nil {
		return nil, err
	}
	return c.one(ctx, r)
}

func (h *handler) deleteItem(ctx context.Context, r request) (any, error) {
	c := &changes{handler: h}
	if err := c.addDelete(r.change); err != nil {
		return nil, err
	}
	return c.one(ctx, r)
}

const conditionMessage = "The conditional request failed"

// one answers an operation on a single item.
func (c *changes) one(ctx context.Context, r request) (any, error) {
	if r.ReturnValues != "" && r.ReturnValues != "NONE" {
		return nil, unsupported("ReturnValues %s", r.ReturnValues)
	}
	failed, err := c.apply(ctx)
	if err != nil || len(failed) == 0 {
		return struct{}{}, err
	}
	f := &fault{status: http.StatusBadRequest, code: "ConditionalCheckFailedException", message: conditionMessage}
	old, err := c.old(ctx, c.parts[0])
	if err != nil {
		return nil, err
	}
	if old != nil {
		f.extra = map[string]any{"Item": old}
	}
	return nil, f
}

// reason is one entry of CancellationReasons.
type reason struct {
	Code    string
	Message string     `json:",omitempty"`
	Item    attributes `json:",omitempty"`
}

func (h *handler) transactWriteItems(ctx context.Context, r request) (any, error) {
	c := &changes{handler: h}
	for _, item := range r.TransactItems {
		var err error
		switch {
		case item.Put != nil && item.Update == nil && item.Delete == nil:
			err = errors.Join(h.checkName(item.Put.TableName), c.addPut(item.Put.change, item.Put.Item))
		case item.Update != nil && item.Put == nil && item.Delete == nil:
			err = errors.Join(h.checkName(item.Update.TableName), c.addUpdate(*item.Update))
		case item.Delete != nil && item.Put == nil && item.Update == nil:
			err = errors.Join(h.checkName(item.Delete.TableName), c.addDelete(*item.Delete))
		default:
			err = invalid("each of TransactItems must be exactly one Put, Update or Delete")
		}
		if err != nil {
			return nil, err
		}
	}
	failed, err := c.apply(ctx)
	if err != nil || len(failed) == 0 {
		return struct{}{}, err
	}
	reasons, codes := make([]reason, len(c.parts)), make([]string, len(c.parts))
	for i, p := range c.parts {
		reasons[i].Code = "None"
		if slices.Contains(failed, p.key) {
			old, err := c.old(ctx, p)
			if err != nil {
				return nil, err
			}
			reasons[i] = reason{Code: "ConditionalCheckFailed", Message: conditionMessage, Item: old}
		}
		codes[i] = reasons[i].Code
	}
	return nil, &fault{
		status: http.StatusBadRequest, code: "TransactionCanceledException",
		message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
		extra:   map[string]any{"CancellationReasons": reasons},
	}
}
