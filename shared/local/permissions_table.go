package local

import (
	"context"

	"opsflow/shared/local/iam"
	"opsflow/shared/table"
)

// guardedTable holds requests to the table against the role of the function that makes them. A transaction is checked as
// the single writes that it is made of, as DynamoDB does.
type guardedTable struct {
	table.Table
	permissions *permissions
	arn         string
	indexes     map[string]string // ARNs by name; "" is the table
}

func (rt *Runtime) guardTable(t table.Table, indexes []table.Index) *guardedTable {
	g := &guardedTable{Table: t, permissions: rt.permissions, arn: rt.own.ARN, indexes: map[string]string{}}
	g.indexes[""] = g.arn
	for _, i := range indexes {
		g.indexes[i.Name] = g.arn + "/index/" + i.Name
	}
	return g
}

func (g *guardedTable) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	if err := g.check(ctx, "dynamodb:GetItem", g.arn, func() []string { return []string{key.PK} }); err != nil {
		return table.Item{}, false, err
	}
	return g.Table.Get(ctx, key)
}

func (g *guardedTable) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	err := g.check(ctx, "dynamodb:BatchGetItem", g.arn, func() []string {
		return partitions(keys, func(k table.Key) string { return k.PK })
	})
	if err != nil {
		return nil, err
	}
	return g.Table.BatchGet(ctx, keys)
}

func (g *guardedTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := g.check(ctx, "dynamodb:Query", g.indexes[q.Index], func() []string { return []string{q.PK} }); err != nil {
		return table.Page{}, err
	}
	return g.Table.Query(ctx, q)
}

func (g *guardedTable) Write(ctx context.Context, w table.Write) error {
	for _, part := range []struct {
		action string
		count  int
		keys   func() []string
	}{
		{"dynamodb:PutItem", len(w.Puts), func() []string {
			return partitions(w.Puts, func(p table.Put) string { return p.Item.Key.PK })
		}},
		{"dynamodb:UpdateItem", len(w.Counters), func() []string {
			return partitions(w.Counters, func(c table.Counter) string { return c.Key.PK })
		}},
		{"dynamodb:DeleteItem", len(w.Deletes), func() []string {
			return partitions(w.Deletes, func(d table.Delete) string { return d.Key.PK })
		}},
	} {
		if part.count == 0 {
			continue
		}
		if err := g.check(ctx, part.action, g.arn, part.keys); err != nil {
			return err
		}
	}
	return g.Table.Write(ctx, w)
}

// check asks for one action. leading gives the partitions that it touches, for dynamodb:LeadingKeys; it is only called when
// a policy asks for them.
func (g *guardedTable) check(ctx context.Context, action, resource string, leading func() []string) error {
	r := iam.Request{Action: action, Resource: resource}
	if g.permissions.conditional(ctx, action) {
		r.Context = map[string][]string{"dynamodb:LeadingKeys": leading()}
	}
	return g.permissions.check(ctx, r)
}

func partitions[T any](list []T, partition func(T) string) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = partition(item)
	}
	return out
}
