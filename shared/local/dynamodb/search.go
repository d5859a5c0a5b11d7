package dynamodb

import (
	"context"
	"encoding/json"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

const maxPage = 1 << 20 // bytes of the items that one query or scan reads

// searchRequest is a query or a scan.
type searchRequest struct {
	itemRequest

	IndexName         *string
	ScanIndexForward  *bool
	Limit             *int
	ExclusiveStartKey json.RawMessage
	Select            string
	Segment           *int
	TotalSegments     *int
}

// search is a query or scan that has been read.
type search struct {
	reach

	table  *collection
	filter *expression.Condition
	paths  []expression.Path // nil: all attributes, as far as whole says
	whole  bool              // items come whole, also from an index that does not hold all of them
	count  bool              // only their number is wanted
	limit  int               // 0: none
}

func (s *Service) query(ctx context.Context, in *searchRequest) (object, error) {
	if err := in.checkSearch(); err != nil {
		return nil, err
	}
	if in.KeyConditionExpression == nil && in.KeyConditions == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	q, params, err := in.read("FilterExpression", "KeyConditionExpression")
	if err != nil {
		return nil, err
	}
	conditions, err := in.keyConditions(params)
	if err != nil {
		return nil, err
	}
	if err := params.CheckUsed(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := in.bind(s, q); err != nil {
		return nil, err
	}
	if err := q.setKeys(conditions); err != nil {
		return nil, err
	}
	if q.filter != nil {
		if err := q.checkFilter(); err != nil {
			return nil, err
		}
	}
	q.down = in.ScanIndexForward != nil && !*in.ScanIndexForward
	if err := q.setStart(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	return s.run(ctx, "Query", in, q)
}

func (s *Service) scan(ctx context.Context, in *searchRequest) (object, error) {
	if err := in.checkSearch(); err != nil {
		return nil, err
	}
	part, err := in.segment()
	if err != nil {
		return nil, err
	}
	q, params, err := in.read("FilterExpression")
	if err != nil {
		return nil, err
	}
	if err := params.CheckUsed(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := in.bind(s, q); err != nil {
		return nil, err
	}
	q.part = part
	if err := q.setStart(in.ExclusiveStartKey); err != nil {
		return nil, err
	}
	return s.run(ctx, "Scan", in, q)
}

func (in *searchRequest) checkSearch() error {
	if err := in.check(); err != nil {
		return err
	}
	if in.Limit != nil {
		var f constraint.Faults
		if f.Range("limit", *in.Limit, 1, math.MaxInt); f != nil {
			return broken(f)
		}
	}
	return checkEnum("select", in.Select, "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES")
}

// read reads what does not depend on the table.
func (in *searchRequest) read(may ...string) (*search, *expression.Parameters, error) {
	q := &search{count: in.Select == "COUNT"}
	if in.Limit != nil {
		q.limit = *in.Limit
	}
	projecting := in.ProjectionExpression != nil || in.AttributesToGet != nil
	member := "ProjectionExpression"
	if in.AttributesToGet != nil {
		member = "AttributesToGet"
	}
	switch {
	case in.Select == "COUNT" && projecting:
		return nil, nil, invalid("Cannot specify the %s when choosing to get only the Count", member)
	case in.Select == "SPECIFIC_ATTRIBUTES" && !projecting:
		return nil, nil, invalid("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case (in.Select == "ALL_ATTRIBUTES" || in.Select == "ALL_PROJECTED_ATTRIBUTES") && projecting:
		return nil, nil, invalid("Cannot specify the %s when choosing to get %s", member, in.Select)
	case in.Select == "ALL_PROJECTED_ATTRIBUTES" && in.IndexName == nil:
		return nil, nil, invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	}
	params, err := in.parameters(may...)
	if err != nil {
		return nil, nil, err
	}
	if in.FilterExpression != nil {
		q.filter, err = params.Condition(expression.FilterClause, *in.FilterExpression)
	} else {
		q.filter, err = in.legacyFilter()
	}
	if err != nil {
		return nil, nil, err
	}
	if in.ProjectionExpression != nil {
		q.paths, err = params.Projection(*in.ProjectionExpression)
	} else {
		q.paths, err = in.legacyProjection()
	}
	return q, params, err
}

func (in *searchRequest) keyConditions(params *expression.Parameters) ([]expression.KeyCondition, error) {
	if in.KeyConditionExpression == nil {
		return in.legacyKeyConditions()
	}
	return params.KeyConditions(*in.KeyConditionExpression)
}

// bind finds the table and the index, and holds against them what the request wants to see.
func (in *searchRequest) bind(s *Service, q *search) error {
	var err error
	if q.table, err = s.find(in.TableName); err != nil {
		return err
	}
	if in.IndexName == nil {
		return nil
	}
	if q.index = q.table.find(*in.IndexName); q.index == nil {
		return invalid("The table does not have the specified index: %s", *in.IndexName)
	}
	q.whole = in.Select == "ALL_ATTRIBUTES" || q.index.all
	var asked, filtered []string
	for _, p := range q.paths {
		asked = append(asked, p[0].Name)
	}
	if q.filter != nil {
		for _, p := range q.filter.Paths() {
			filtered = append(filtered, p[0].Name)
		}
	}
	held := func(name string) bool { return q.table.projects(q.index, name) }
	if !q.index.global { // what it has not comes from the table
		q.whole = q.whole || slices.ContainsFunc(slices.Concat(asked, filtered), func(name string) bool { return !held(name) })
		return nil
	}
	asked, filtered = slices.DeleteFunc(asked, held), slices.DeleteFunc(filtered, held)
	switch {
	case in.ConsistentRead:
		return invalid("Consistent reads are not supported on global secondary indexes")
	case in.Select == "ALL_ATTRIBUTES" && !q.index.all:
		return invalidValue("Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", q.index.name)
	case len(asked) > 0:
		return invalidValue("Global secondary index %s does not project [%s]", q.index.name, asked[0])
	case len(filtered) > 0:
		return invalidValue("Secondary index %s does not project one or more filter attributes: [%s]", q.index.name, filtered[0])
	}
	return nil
}

// keys is the key of what is searched.
func (q *search) keys() schema {
	if q.index != nil {
		return q.index.schema
	}
	return q.table.schema
}

// setKeys makes of the conditions on keys what the search goes through.
func (q *search) setKeys(conditions []expression.KeyCondition) error {
	if len(conditions) > 2 {
		return invalid("Conditions can be of length 1 or 2 only")
	}
	keys := q.keys()
	for _, c := range conditions {
		var a keyAttribute
		switch {
		case c.Name == keys.hash.name:
			a = keys.hash
		case keys.sort != nil && c.Name == keys.sort.name:
			a = *keys.sort
		default:
			missed := keys.hash.name
			if keys.sort != nil && slices.ContainsFunc(conditions, func(c expression.KeyCondition) bool { return c.Name == missed }) {
				missed = keys.sort.name
			} else if keys.sort == nil && len(conditions) > 1 {
				return invalid("Query key condition not supported")
			}
			return invalid("Query condition missed key schema element: %s", missed)
		}
		for _, v := range c.Values {
			if v.Kind != a.kind {
				return invalidValue("Condition parameter type does not match schema type")
			}
			if err := a.checkFilled(v); err != nil {
				return err
			}
		}
		if a.name == keys.sort.orNone() {
			q.sort = &c
			continue
		}
		if c.Op != "=" {
			return invalid("Query key condition not supported")
		}
		q.hash = c.Values[0]
	}
	if !q.hash.Exists() {
		return invalid("Query condition missed key schema element: %s", keys.hash.name)
	}
	return nil
}

func (a *keyAttribute) orNone() string {
	if a == nil {
		return ""
	}
	return a.name
}

// checkFilter refuses a query's filter that is about the keys.
func (q *search) checkFilter() error {
	names := q.keys().names()
	for _, p := range q.filter.Paths() {
		if !slices.Contains(names, p[0].Name) {
			continue
		}
		if len(p) > 1 {
			return invalid("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: %s", p[0].Name)
		}
		return invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", p[0].Name)
	}
	return nil
}

// setStart reads where an earlier page ended.
func (q *search) setStart(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	after, err := attribute.ParseItem(raw)
	if err != nil {
		return err
	}
	needed := q.table.attributes()
	if q.index != nil {
		for _, a := range q.index.attributes() {
			if !slices.Contains(needed, a) {
				needed = append(needed, a)
			}
		}
	}
	if len(after) != len(needed) {
		return invalid("The provided starting key is invalid")
	}
	for _, a := range needed {
		if after[a.name].Kind != a.kind {
			return invalid("The provided starting key is invalid: The provided key element does not match the schema")
		}
	}
	keys := q.keys()
	switch {
	case q.hash.Exists() && !attribute.Equal(after[keys.hash.name], q.hash):
		return invalid("The provided starting key is outside query boundaries based on provided conditions")
	case q.sort != nil && !q.sort.Holds(after):
		return invalid("The provided starting key does not match the range key predicate")
	case !q.part.covers(after[keys.hash.name]):
		return invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: %d Segment: %d",
			q.part.of, q.part.number)
	}
	q.after = after
	return nil
}

// run goes through what is within reach, up to the limit or a page.
func (s *Service) run(ctx context.Context, operation string, in *searchRequest, q *search) (object, error) {
	items := []attribute.Item{}
	var scanned, size, matched int
	var last attribute.Item
	err := s.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		return q.table.rows.walk(tx, q.reach, func(item attribute.Item) bool {
			shown := item
			if q.index != nil && !q.whole {
				shown = q.table.project(q.index, item)
			}
			scanned++
			size += shown.Size()
			if q.filter == nil || q.filter.Holds(shown) {
				matched++
				if !q.count {
					items = append(items, projected(shown, q.paths))
				}
			}
			if scanned == q.limit || size >= maxPage {
				last = q.place(item)
			}
			return last == nil && ctx.Err() == nil
		})
	})
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out object
	if !q.count {
		out.add("Items", items)
	}
	out.add("Count", matched)
	out.add("ScannedCount", scanned)
	if last != nil {
		out.add("LastEvaluatedKey", last)
	}
	used := capacity{table: reading(size, in.ConsistentRead)}
	if q.index != nil {
		used = capacity{index: map[string]float64{q.index.name: used.table}}
	}
	in.addCapacity(&out, q.table, used)
	s.tell(ctx, Used{Operation: operation, Items: scanned, ReadUnits: used.total()})
	return out, nil
}

// place gives the keys of an item, behind which the next page begins.
func (q *search) place(item attribute.Item) attribute.Item {
	names := q.table.names()
	if q.index != nil {
		names = append(names, q.index.names()...)
	}
	return item.Pick(names...)
}
