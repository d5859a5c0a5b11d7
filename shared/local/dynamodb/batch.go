package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
)

// Limits of batches.
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
	maxAnswer     = 16 << 20
)

type batchGetRequest struct {
	RequestItems           map[string]*itemsRequest
	ReturnConsumedCapacity string
}

// itemsRequest asks for items of one table.
type itemsRequest struct {
	itemRequest

	Keys []json.RawMessage
}

const twice = "Provided list of item keys contains duplicates"

func (s *Service) batchGetItem(ctx context.Context, in *batchGetRequest) (object, error) {
	n := 0
	for _, r := range in.RequestItems {
		if r != nil {
			n += len(r.Keys)
		}
	}
	if len(in.RequestItems) == 0 {
		return nil, noRequests()
	}
	if n > maxBatchGet {
		return nil, invalid("Too many items requested for the BatchGetItem call")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var responses, unprocessed object
	var used ledger
	size := 0
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		r := in.RequestItems[name]
		items, left, err := s.getItems(ctx, name, r, &used, &size)
		if err != nil {
			return nil, err
		}
		responses.add(name, items)
		if len(left) > 0 {
			rest := object{{"Keys", left}}
			if r.ProjectionExpression != nil {
				rest.add("ProjectionExpression", *r.ProjectionExpression)
				rest.add("ExpressionAttributeNames", r.ExpressionAttributeNames)
			}
			unprocessed.add(name, append(rest, member{"ConsistentRead", r.ConsistentRead}))
		}
	}
	out := object{{"Responses", responses}, {"UnprocessedKeys", unprocessed}}
	used.addTo(&out, in.ReturnConsumedCapacity, "")
	s.tell(ctx, Used{Operation: "BatchGetItem", Items: n, ReadUnits: used.total()})
	return out, nil
}

// getItems gives those of a table's items that are there, and the keys for which the answer has no room.
func (s *Service) getItems(ctx context.Context, name string, r *itemsRequest, used *ledger, size *int) (items, left []attribute.Item, err error) {
	if r == nil || len(r.Keys) == 0 {
		return nil, nil, invalid("The list of keys in RequestItems for BatchGetItem is required")
	}
	keys := make([]attribute.Item, len(r.Keys))
	for i, raw := range r.Keys {
		if keys[i], err = parseItem("key", raw); err != nil {
			return nil, nil, err
		}
	}
	paths, err := r.projection()
	if err != nil {
		return nil, nil, err
	}
	c, err := s.find(name)
	if err != nil {
		return nil, nil, err
	}
	if err := checkKeys(c, keys); err != nil {
		return nil, nil, err
	}
	items = []attribute.Item{}
	err = s.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		for i, key := range keys {
			if *size > maxAnswer {
				left = keys[i:]
				return nil
			}
			item, err := c.rows.get(tx, key, nil)
			if err != nil {
				return err
			}
			used.add(c, capacity{table: reading(item.Size(), r.ConsistentRead)}, 1)
			*size += item.Size()
			if item != nil {
				items = append(items, projected(item, paths))
			}
		}
		return nil
	})
	return items, left, err
}

// checkKeys refuses keys that are none of the table, and one that comes twice.
func checkKeys(c *collection, keys []attribute.Item) error {
	seen := map[string]bool{}
	for _, key := range keys {
		if err := c.checkKey(key); err != nil {
			return err
		}
		if seen[key.Key()] {
			return invalid(twice)
		}
		seen[key.Key()] = true
	}
	return nil
}

type batchWriteRequest struct {
	RequestItems map[string][]struct {
		PutRequest    *struct{ Item json.RawMessage }
		DeleteRequest *struct{ Key json.RawMessage }
	}
	ReturnConsumedCapacity string
}

// batchWriteItem writes all items in one transaction: none is ever left over.
func (s *Service) batchWriteItem(ctx context.Context, in *batchWriteRequest) (object, error) {
	n := 0
	for _, list := range in.RequestItems {
		n += len(list)
	}
	if len(in.RequestItems) == 0 {
		return nil, noRequests()
	}
	if n > maxBatchWrite {
		return nil, invalid("Too many items requested for the BatchWriteItem call")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	changes, err := s.batchChanges(in)
	if err != nil {
		return nil, err
	}
	outcomes, err := s.write(ctx, changes, token{})
	if errors.Is(err, errRefused) {
		for _, o := range outcomes {
			if o.err != nil {
				return nil, o.err
			}
		}
	}
	if err != nil {
		return nil, err
	}
	out := object{{"UnprocessedItems", object{}}}
	if s.counts(in.ReturnConsumedCapacity) {
		var used ledger
		for i, o := range outcomes {
			used.add(changes[i].table, writing(changes[i].table, o), 1)
		}
		used.addTo(&out, in.ReturnConsumedCapacity, "")
		s.tell(ctx, Used{Operation: "BatchWriteItem", Items: n, WriteUnits: used.total()})
	}
	return out, nil
}

func (s *Service) batchChanges(in *batchWriteRequest) ([]change, error) {
	var changes []change
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		list := in.RequestItems[name]
		if len(list) == 0 {
			return nil, invalid("The batch write request list for a table cannot be null or empty: %s", name)
		}
		seen := map[string]bool{}
		for _, one := range list {
			var r itemRequest
			var p *prepared
			var err error
			switch {
			case (one.PutRequest == nil) == (one.DeleteRequest == nil):
				err = invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
			case one.PutRequest != nil:
				r.Item = one.PutRequest.Item
				p, err = r.put()
			default:
				r.Key = one.DeleteRequest.Key
				p, err = r.delete()
			}
			if err == nil {
				err = p.bind(s, name)
			}
			if err != nil {
				return nil, err
			}
			if seen[p.key.Key()] {
				return nil, invalid(twice)
			}
			seen[p.key.Key()] = true
			p.whole = s.counts(in.ReturnConsumedCapacity)
			changes = append(changes, p.change)
		}
	}
	return changes, nil
}

// noRequests refuses a batch without any.
func noRequests() error {
	var f constraint.Faults
	f.Size("requestItems", "{}", 0, 1, math.MaxInt)
	return broken(f)
}
