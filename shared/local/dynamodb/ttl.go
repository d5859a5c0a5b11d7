package dynamodb

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
)

type timeToLiveRequest struct {
	TableName               string
	TimeToLiveSpecification *timeToLive
}

type timeToLive struct {
	AttributeName string
	Enabled       bool
}

func (s *Service) describeTimeToLive(_ context.Context, in *timeToLiveRequest) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	described := object{{"TimeToLiveStatus", "DISABLED"}}
	if c.TimeToLive != "" {
		described = object{{"TimeToLiveStatus", "ENABLED"}, {"AttributeName", c.TimeToLive}}
	}
	return object{{"TimeToLiveDescription", described}}, nil
}

// updateTimeToLive begins or ends at once that items are over when their time is. When it ends, those that are over are
// removed first: they would come back otherwise.
func (s *Service) updateTimeToLive(ctx context.Context, in *timeToLiveRequest) (object, error) {
	if err := checkTableName(in.TableName); err != nil { // before all else that is wrong
		return nil, err
	}
	spec := in.TimeToLiveSpecification
	if spec == nil {
		return nil, missing("timeToLiveSpecification")
	}
	var f constraint.Faults
	if f.Length("timeToLiveSpecification.attributeName", spec.AttributeName, 1, 255); f != nil {
		return nil, broken(f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.table(in.TableName)
	switch {
	case err != nil:
		return nil, err
	case c == s.by[s.o.Own.Name]:
		return nil, s.refuseOwn("is as template.yaml has it")
	case spec.Enabled && c.TimeToLive == spec.AttributeName:
		return nil, invalid("TimeToLive is already enabled")
	case spec.Enabled && c.TimeToLive != "":
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", c.TimeToLive)
	case !spec.Enabled && c.TimeToLive == "":
		return nil, invalid("TimeToLive is already disabled")
	case !spec.Enabled && c.TimeToLive != spec.AttributeName:
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", c.TimeToLive)
	}
	d := c.definition
	d.TimeToLive = spec.AttributeName
	if !spec.Enabled {
		d.TimeToLive = ""
		if err := s.removeOver(ctx, c); err != nil {
			return nil, err
		}
	}
	if _, err := s.redefine(ctx, c, d); err != nil {
		return nil, err
	}
	return object{{"TimeToLiveSpecification", spec}}, nil
}

// removeOver removes the items of a table that are over.
func (s *Service) removeOver(ctx context.Context, c *collection) error {
	rows, _ := c.rows.(*buckets)
	return s.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		root, err := rows.root(tx)
		if err != nil {
			return err
		}
		var keys []attribute.Item
		err = root.Bucket(itemsBucket).ForEach(func(_, raw []byte) error {
			item, err := rows.read(raw, nil)
			if err == nil && c.over(item, s.o.Now()) {
				keys = append(keys, c.keyOf(item))
			}
			return err
		})
		for _, key := range keys {
			err = errors.Join(err, rows.put(tx, key, nil))
		}
		return err
	})
}
