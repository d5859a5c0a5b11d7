package dynamodb

import (
	"context"

	"go.etcd.io/bbolt"
)

func (s *Service) describeTable(ctx context.Context, in *tableRequest) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	out, err := s.described(ctx, c)
	return object{{"Table", out}}, err
}

// described is a table with what it holds.
func (s *Service) described(ctx context.Context, c *collection) (object, error) {
	var out object
	err := s.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		items, bytes := c.rows.count(tx, nil)
		out = s.describe(c, "ACTIVE", items, bytes)
		for _, list := range []struct {
			member string
			global bool
		}{{"LocalSecondaryIndexes", false}, {"GlobalSecondaryIndexes", true}} {
			if described := c.describeIndexes(tx, list.global); len(described) > 0 {
				out.add(list.member, described)
			}
		}
		return nil
	})
	return out, err
}

func (s *Service) describe(c *collection, status string, items, bytes int) object {
	t := throughput{}
	if c.ProvisionedThroughput != nil {
		t = *c.ProvisionedThroughput
	}
	out := object{
		{"TableName", c.TableName},
		{"TableArn", c.arn},
		{"TableId", c.ID},
		{"TableStatus", status},
		{"CreationDateTime", float64(c.Created.UnixMilli()) / 1000},
		{"AttributeDefinitions", c.AttributeDefinitions},
		{"KeySchema", c.KeySchema},
		{"ProvisionedThroughput", described(t)},
		{"ItemCount", items},
		{"TableSizeBytes", bytes},
		{"DeletionProtectionEnabled", c.DeletionProtectionEnabled},
	}
	if c.BillingMode == onDemand {
		out.add("BillingModeSummary", object{{"BillingMode", onDemand}})
	}
	if c.TableClass != "" {
		out.add("TableClassSummary", object{{"TableClass", c.TableClass}})
	}
	return out
}

func described(t throughput) object {
	return object{
		{"NumberOfDecreasesToday", 0}, {"ReadCapacityUnits", t.ReadCapacityUnits}, {"WriteCapacityUnits", t.WriteCapacityUnits},
	}
}

func (c *collection) describeIndexes(tx *bbolt.Tx, global bool) []object {
	list := c.LocalSecondaryIndexes
	if global {
		list = c.GlobalSecondaryIndexes
	}
	out := make([]object, 0, len(list))
	for _, d := range list {
		items, bytes := c.rows.count(tx, c.find(d.IndexName))
		one := object{
			{"IndexName", d.IndexName},
			{"IndexArn", c.arn + "/index/" + d.IndexName},
			{"KeySchema", d.KeySchema},
			{"Projection", d.Projection},
			{"ItemCount", items},
			{"IndexSizeBytes", bytes},
		}
		if global {
			t := throughput{}
			if d.ProvisionedThroughput != nil {
				t = *d.ProvisionedThroughput
			}
			one.add("IndexStatus", "ACTIVE")
			one.add("ProvisionedThroughput", described(t))
		}
		out = append(out, one)
	}
	return out
}
