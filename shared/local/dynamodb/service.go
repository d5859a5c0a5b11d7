// Package dynamodb is DynamoDB on this machine: tables that users make, their items and indexes, and opsflow's own table,
// which is the embedded one (see ownRows). It answers the service's JSON protocol as AWS does, word for word where programs or
// people look at the words; the tests hold it to Amazon's DynamoDB Local. Signatures are not checked.
//
// It has no streams, backups, global tables or PartiQL. What is asked for is there at once: tables and indexes have no time in
// which they are being created, indexes are consistent, an item whose time to live is over is gone.
package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
)

// Options of New.
type Options struct {
	DB      *embedded.DB
	Now     func() time.Time
	Account string
	Region  string
	Own     Own
	Used    func(ctx context.Context, u Used) // told of what each request took; nil: nobody
}

// Own is opsflow's own table.
type Own struct {
	Name    string
	Table   *embedded.Table
	Indexes []table.Index
	Changed func(table.Item) // told of each item that was written here; nil: nobody
}

// Service is all tables. It is safe for concurrent use.
type Service struct {
	o  Options
	mu sync.RWMutex // held for reading by whoever works on items, for writing by whoever makes, changes or deletes tables
	by map[string]*collection

	operations map[string]operation
}

// bucket holds a bucket for each table, and the tokens of transactions.
var bucket = []byte("dynamodb")

// New opens the tables that are there.
func New(ctx context.Context, o Options) (*Service, error) {
	s := &Service{o: o, by: map[string]*collection{}}
	s.operations = s.all()
	own, err := s.own()
	if err != nil {
		return nil, err
	}
	s.by[o.Own.Name] = own
	err = o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		root, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		if _, err := root.CreateBucketIfNotExists(tokensBucket); err != nil {
			return err
		}
		return root.ForEachBucket(func(name []byte) error {
			if slices.Equal(name, tokensBucket) {
				return nil
			}
			var d definition
			if err := json.Unmarshal(root.Bucket(name).Get(definitionKey), &d); err != nil {
				return fmt.Errorf("table %s: read its definition: %w", name, err)
			}
			c, err := s.generic(d)
			s.by[d.TableName] = c
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("open the tables: %w", err)
	}
	return s, nil
}

// generic gives a table that a user made.
func (s *Service) generic(d definition) (*collection, error) {
	c, err := compile(d)
	if err != nil {
		return nil, err
	}
	c.arn = s.arn(d.TableName)
	c.rows = &buckets{collection: c, now: s.o.Now}
	return c, nil
}

func (s *Service) arn(name string) string {
	return "arn:aws:dynamodb:" + s.o.Region + ":" + s.o.Account + ":table/" + name
}

// find gives a table by its name or ARN. Whoever calls holds mu.
func (s *Service) find(name string) (*collection, error) {
	if c, ok := s.by[s.plainName(name)]; ok {
		return c, nil
	}
	return nil, notFound("Requested resource not found")
}

// errRefused ends a transaction in which nothing may be written.
var errRefused = errors.New("refused")
