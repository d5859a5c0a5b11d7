package dynamodb

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/uuid"
)

// plainName gives the name of a table that may be named by its ARN.
func (s *Service) plainName(name string) string {
	return strings.TrimPrefix(name, s.arn(""))
}

func checkTableName(name string) error {
	if strings.HasPrefix(name, "arn:") {
		return nil
	}
	return checkName("TableName", name)
}

func (s *Service) createTable(ctx context.Context, in *definition) (object, error) {
	d := *in
	d.TimeToLive = ""
	if err := s.begin(&d); err != nil {
		return nil, err
	}
	if d.BillingMode == "" {
		d.BillingMode = provisioned
	}
	c, err := s.generic(d)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.create(ctx, c); err != nil {
		return nil, err
	}
	return object{{"TableDescription", s.describe(c, "CREATING", 0, 0)}}, nil
}

// begin gives a table the id and the time of one that is made now.
func (s *Service) begin(d *definition) (err error) {
	d.Created = s.o.Now()
	d.ID, err = uuid.New(rand.Reader)
	return err
}

// create makes a table. Whoever calls holds mu.
func (s *Service) create(ctx context.Context, c *collection) error {
	if _, ok := s.by[c.TableName]; ok {
		return inUse("Table already exists: %s", c.TableName)
	}
	err := s.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		b, err := tx.Bucket(bucket).CreateBucketIfNotExists([]byte(c.TableName))
		if err != nil {
			return err
		}
		if _, err := b.CreateBucketIfNotExists(itemsBucket); err != nil {
			return err
		}
		for _, x := range c.indexes {
			if _, err := b.CreateBucketIfNotExists(indexBucket(x)); err != nil {
				return err
			}
		}
		return b.Put(definitionKey, c.encode())
	})
	if err == nil {
		s.by[c.TableName] = c
	}
	return err
}

// redefine puts a table's definition in the place of its old one. Indexes that are new are filled, those that are gone or other
// than before are dropped. Whoever calls holds mu.
func (s *Service) redefine(ctx context.Context, old *collection, d definition) (*collection, error) {
	c, err := s.generic(d)
	if err != nil {
		return nil, err
	}
	rows, _ := c.rows.(*buckets)
	err = s.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		root, err := rows.root(tx)
		if err != nil {
			return err
		}
		for _, x := range old.indexes {
			if kept := c.find(x.name); kept == nil || !slices.Equal(kept.attributes(), x.attributes()) {
				if err := root.DeleteBucket(indexBucket(x)); err != nil {
					return err
				}
			}
		}
		for _, x := range c.indexes {
			if root.Bucket(indexBucket(x)) != nil {
				continue
			}
			if _, err := root.CreateBucket(indexBucket(x)); err != nil {
				return err
			}
			if err := rows.fill(root, x); err != nil {
				return err
			}
		}
		return root.Put(definitionKey, c.encode())
	})
	if err != nil {
		return nil, err
	}
	s.by[d.TableName] = c
	return c, nil
}

// fill enters all items into a new index.
func (b *buckets) fill(root *bbolt.Bucket, x *index) error {
	return root.Bucket(itemsBucket).ForEach(func(_, raw []byte) error {
		item, err := b.read(raw, nil)
		if err != nil {
			return err
		}
		return b.reindex(root, x, nil, item)
	})
}

type tableRequest struct {
	TableName string
	TableArn  string // what some operations call it
}

func (s *Service) deleteTable(ctx context.Context, in *tableRequest) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.table(in.TableName)
	switch {
	case err != nil:
		return nil, err
	case c == s.by[s.o.Own.Name]:
		return nil, s.refuseOwn("can't be deleted: without it nothing runs")
	case c.DeletionProtectionEnabled:
		return nil, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	err = s.o.DB.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(bucket).DeleteBucket([]byte(c.TableName)) })
	if err != nil {
		return nil, err
	}
	delete(s.by, c.TableName)
	return object{{"TableDescription", s.describe(c, "DELETING", 0, 0)}}, nil
}

// refuseOwn refuses what would change opsflow's own table.
func (s *Service) refuseOwn(why string) error {
	return invalidValue("the table %s is opsflow's own and %s", s.o.Own.Name, why)
}

// table is find for operations on tables, which name the table in their answer.
func (s *Service) table(name string) (*collection, error) {
	if err := checkTableName(name); err != nil {
		return nil, err
	}
	c, err := s.find(name)
	if err != nil {
		return nil, notFound("Requested resource not found: Table: %s not found", s.plainName(name))
	}
	return c, nil
}

type listRequest struct {
	ExclusiveStartTableName string
	Limit                   *int
}

const maxTables = 100 // of one answer

func (s *Service) listTables(_ context.Context, in *listRequest) (object, error) {
	limit := maxTables
	if in.Limit != nil {
		limit = *in.Limit
	}
	var f constraint.Faults
	if f.Range("limit", limit, 1, maxTables); f != nil {
		return nil, broken(f)
	}
	s.mu.RLock()
	names := slices.Sorted(maps.Keys(s.by))
	s.mu.RUnlock()
	names = slices.DeleteFunc(names, func(name string) bool { return name <= in.ExclusiveStartTableName })
	if len(names) <= limit {
		return object{{"TableNames", names}}, nil
	}
	return object{{"TableNames", names[:limit]}, {"LastEvaluatedTableName", names[limit-1]}}, nil
}

type updateTableRequest struct {
	TableName                   string
	AttributeDefinitions        []attributeDefinition
	BillingMode                 string
	ProvisionedThroughput       *throughput
	DeletionProtectionEnabled   *bool
	TableClass                  string
	StreamSpecification         *struct{ StreamEnabled bool }
	GlobalSecondaryIndexUpdates []struct {
		Create         *indexDefinition
		Delete, Update *indexDefinition
	}
}

func (s *Service) updateTable(ctx context.Context, in *updateTableRequest) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	if c == s.by[s.o.Own.Name] {
		return nil, s.refuseOwn("is as template.yaml has it")
	}
	d, err := in.apply(c)
	if err != nil {
		return nil, err
	}
	if c, err = s.redefine(ctx, c, d); err != nil {
		return nil, err
	}
	out, err := s.described(ctx, c)
	return object{{"TableDescription", out}}, err
}

// apply gives the definition that an update leads to.
func (in *updateTableRequest) apply(c *collection) (definition, error) {
	d := c.definition
	d.GlobalSecondaryIndexes = slices.Clone(d.GlobalSecondaryIndexes)
	d.StreamSpecification = in.StreamSpecification
	d.BillingMode, d.TableClass = cmp.Or(in.BillingMode, d.BillingMode), cmp.Or(in.TableClass, d.TableClass)
	if in.ProvisionedThroughput != nil || in.BillingMode == onDemand {
		d.ProvisionedThroughput = in.ProvisionedThroughput
	}
	if in.DeletionProtectionEnabled != nil {
		d.DeletionProtectionEnabled = *in.DeletionProtectionEnabled
	}
	if len(in.GlobalSecondaryIndexUpdates) > 1 {
		return d, &fault{code: "LimitExceededException", message: "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"}
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		name := func(x indexDefinition) bool { return u.Delete != nil && x.IndexName == u.Delete.IndexName }
		switch {
		case u.Create != nil:
			d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, *u.Create)
		case u.Delete != nil && !slices.ContainsFunc(d.GlobalSecondaryIndexes, name):
			return d, notFound("Requested resource not found")
		case u.Delete != nil:
			d.GlobalSecondaryIndexes = slices.DeleteFunc(d.GlobalSecondaryIndexes, name)
		}
	}
	d.mergeAttributes(in.AttributeDefinitions)
	return d, nil
}

// mergeAttributes adds the types of attributes, and drops those that are no longer of a key.
func (d *definition) mergeAttributes(more []attributeDefinition) {
	all := slices.Clone(d.AttributeDefinitions)
	for _, a := range more {
		if !slices.ContainsFunc(all, func(b attributeDefinition) bool { return a.AttributeName == b.AttributeName }) {
			all = append(all, a)
		}
	}
	used := slices.Clone(d.KeySchema)
	for _, x := range slices.Concat(d.LocalSecondaryIndexes, d.GlobalSecondaryIndexes) {
		used = append(used, x.KeySchema...)
	}
	d.AttributeDefinitions = slices.DeleteFunc(all, func(a attributeDefinition) bool {
		return !slices.ContainsFunc(used, func(k keyElement) bool { return k.AttributeName == a.AttributeName })
	})
}
