package dynamodb

import (
	"context"
	"encoding/json"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

// expressions are what requests with expressions have in common.
type expressions struct {
	ConditionExpression       *string
	UpdateExpression          *string
	ProjectionExpression      *string
	FilterExpression          *string
	KeyConditionExpression    *string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues map[string]json.RawMessage
}

// parameters reads the names and values. without names the expressions that a request of this kind may have.
func (e expressions) parameters(without ...string) (*expression.Parameters, error) {
	given := e.ConditionExpression != nil || e.UpdateExpression != nil || e.ProjectionExpression != nil ||
		e.FilterExpression != nil || e.KeyConditionExpression != nil
	return expression.NewParameters(e.ExpressionAttributeNames, e.ExpressionAttributeValues, given, without...)
}

// itemRequest is a request about one item, alone or in a transaction.
type itemRequest struct {
	expressions

	TableName                           string
	Key                                 json.RawMessage
	Item                                json.RawMessage
	ConsistentRead                      bool
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string
	ReturnItemCollectionMetrics         string
	legacy
}

func (in *itemRequest) check() error {
	if err := checkTableName(in.TableName); err != nil {
		return err
	}
	if err := checkEnum("returnConsumedCapacity", in.ReturnConsumedCapacity, "INDEXES", "TOTAL", "NONE"); err != nil {
		return err
	}
	if err := checkEnum("returnValuesOnConditionCheckFailure", in.ReturnValuesOnConditionCheckFailure, "ALL_OLD", "NONE"); err != nil {
		return err
	}
	if err := checkEnum("returnItemCollectionMetrics", in.ReturnItemCollectionMetrics, "SIZE", "NONE"); err != nil {
		return err
	}
	if err := checkEnum("returnValues", in.ReturnValues, "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"); err != nil {
		return err
	}
	return in.checkMixed()
}

// parseItem reads a member that holds an item or a key.
func parseItem(member string, raw json.RawMessage) (attribute.Item, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, missing(member)
	}
	return attribute.ParseItem(raw)
}

func (s *Service) getItem(ctx context.Context, in *itemRequest) (object, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	key, err := parseItem("key", in.Key)
	if err != nil {
		return nil, err
	}
	paths, err := in.projection()
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(in.TableName)
	if err != nil {
		return nil, err
	}
	if err := c.checkKey(key); err != nil {
		return nil, err
	}
	var item attribute.Item
	err = s.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		item, err = c.rows.get(tx, key, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out object
	if item != nil {
		out.add("Item", projected(item, paths))
	}
	used := capacity{table: reading(item.Size(), in.ConsistentRead)}
	in.addCapacity(&out, c, used)
	s.tell(ctx, Used{Operation: "GetItem", Items: 1, ReadUnits: used.table})
	return out, nil
}

// projection reads the projection of a request for items: nil for all of them.
func (in *itemRequest) projection() ([]expression.Path, error) {
	if paths, err := in.legacyProjection(); err != nil || paths != nil {
		return paths, err
	}
	p, err := in.parameters("ProjectionExpression")
	if err != nil || in.ProjectionExpression == nil {
		return nil, err
	}
	paths, err := p.Projection(*in.ProjectionExpression)
	if err != nil {
		return nil, err
	}
	return paths, p.CheckUsed()
}

func projected(item attribute.Item, paths []expression.Path) attribute.Item {
	if paths == nil {
		return item
	}
	return expression.Project(item, paths)
}

func (s *Service) putItem(ctx context.Context, in *itemRequest) (object, error) {
	return s.change(ctx, "PutItem", in, in.put)
}

func (s *Service) updateItem(ctx context.Context, in *itemRequest) (object, error) {
	return s.change(ctx, "UpdateItem", in, in.update)
}

func (s *Service) deleteItem(ctx context.Context, in *itemRequest) (object, error) {
	return s.change(ctx, "DeleteItem", in, in.delete)
}

// prepared is a change whose request has been read, but which may not fit its table.
type prepared struct {
	change

	item       attribute.Item    // of a put
	paths      []expression.Path // that an update changes
	parameters *expression.Parameters
}

func (s *Service) change(ctx context.Context, operation string, in *itemRequest, prepare func() (*prepared, error)) (object, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	p, err := prepare()
	if err != nil {
		return nil, err
	}
	p.whole = in.ReturnValues == "ALL_OLD" || s.counts(in.ReturnConsumedCapacity)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := p.bind(s, in.TableName); err != nil {
		return nil, err
	}
	o, err := s.writeOne(ctx, p.change)
	if err != nil {
		return nil, err
	}
	var out object
	if shown := in.returned(o, p.paths); len(shown) > 0 {
		out.add("Attributes", shown)
	}
	if s.counts(in.ReturnConsumedCapacity) {
		used := writing(p.table, o)
		in.addCapacity(&out, p.table, used)
		s.tell(ctx, Used{Operation: operation, Items: 1, WriteUnits: used.total()})
	}
	if in.ReturnItemCollectionMetrics == "SIZE" && len(p.table.LocalSecondaryIndexes) > 0 {
		out.add("ItemCollectionMetrics", object{
			{"ItemCollectionKey", p.key.Pick(p.table.hash.name)}, {"SizeEstimateRangeGB", []float64{0, 1}},
		})
	}
	return out, nil
}

// bind finds the table of a change, and holds the change against it.
func (p *prepared) bind(s *Service, name string) error {
	c, err := s.find(name)
	if err != nil {
		return err
	}
	p.table = c
	if p.item != nil {
		if err := c.checkItem(p.item, false); err != nil {
			return err
		}
		p.key = c.keyOf(p.item)
		p.encoded, err = c.rows.encode(p.item)
		return err
	}
	if err := c.checkKey(p.key); err != nil {
		return err
	}
	for _, path := range p.paths {
		if _, ok := p.key[path[0].Name]; ok {
			return invalidValue("Cannot update attribute %s. This attribute is part of the key", path[0].Name)
		}
	}
	return nil
}

// returned gives the attributes that a request wants to see.
func (in *itemRequest) returned(o outcome, paths []expression.Path) attribute.Item {
	switch in.ReturnValues {
	case "ALL_OLD":
		return o.old
	case "ALL_NEW":
		return o.item
	case "UPDATED_OLD":
		return expression.Project(o.old, paths)
	case "UPDATED_NEW":
		return expression.Project(o.item, paths)
	default:
		return nil
	}
}

// checkOldOnly refuses return values that only an update can have.
func (in *itemRequest) checkOldOnly() error {
	switch in.ReturnValues {
	case "", "ALL_OLD", "NONE":
		return nil
	}
	return invalid("ReturnValues can only be ALL_OLD or NONE")
}

func (in *itemRequest) put() (*prepared, error) {
	if err := in.checkOldOnly(); err != nil {
		return nil, err
	}
	item, err := parseItem("item", in.Item)
	if err != nil {
		return nil, err
	}
	p, err := in.prepare("ConditionExpression")
	if err != nil {
		return nil, err
	}
	p.item = item
	p.next = func(attribute.Item) (attribute.Item, error) { return item, nil }
	return p, nil
}

func (in *itemRequest) delete() (*prepared, error) {
	if err := in.checkOldOnly(); err != nil {
		return nil, err
	}
	key, err := parseItem("key", in.Key)
	if err != nil {
		return nil, err
	}
	p, err := in.prepare("ConditionExpression")
	if err != nil {
		return nil, err
	}
	p.key = key
	p.next = func(attribute.Item) (attribute.Item, error) { return nil, nil }
	return p, nil
}

func (in *itemRequest) update() (*prepared, error) {
	key, err := parseItem("key", in.Key)
	if err != nil {
		return nil, err
	}
	p, err := in.prepare("UpdateExpression", "ConditionExpression")
	if err != nil {
		return nil, err
	}
	p.key, p.updated = key, true
	return p, nil
}

// conditionCheck is a change of a transaction that changes nothing.
func (in *itemRequest) conditionCheck() (*prepared, error) {
	key, err := parseItem("key", in.Key)
	if err != nil {
		return nil, err
	}
	p, err := in.prepare("ConditionExpression")
	if err != nil {
		return nil, err
	}
	p.key = key
	return p, nil
}

// prepare reads the condition and the update, of which some can be in a request of this kind.
func (in *itemRequest) prepare(may ...string) (*prepared, error) {
	p := &prepared{change: change{showOld: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}}
	if len(in.legacy.given()) > 0 {
		return p, in.legacyChange(p)
	}
	params, err := in.parameters(may...)
	if err != nil {
		return nil, err
	}
	p.parameters = params
	if in.UpdateExpression != nil {
		u, err := params.Update(*in.UpdateExpression)
		if err != nil {
			return nil, err
		}
		p.updates(u)
	} else {
		p.updates(&expression.Update{})
	}
	if in.ConditionExpression != nil {
		if p.condition, err = params.Condition(expression.ConditionClause, *in.ConditionExpression); err != nil {
			return nil, err
		}
	}
	return p, params.CheckUsed()
}

// updates makes a change one that updates its item, which is made of its key when there is none.
func (p *prepared) updates(u *expression.Update) {
	p.paths = u.Paths()
	p.next = func(old attribute.Item) (attribute.Item, error) {
		if old == nil {
			old = p.key
		}
		return u.Apply(old)
	}
}
