package local

import (
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// keptBucket holds small values of this machine that outlive a restart: keys that sign, how far the time was moved.
var keptBucket = []byte("local")

// kept reads a small value; nil when there is none.
func (rt *Runtime) kept(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := rt.db.View(ctx, func(tx *bbolt.Tx) error {
		if b := tx.Bucket(keptBucket); b != nil {
			value = slices.Clone(b.Get([]byte(name)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the kept %s: %w", name, err)
	}
	return value, nil
}

// keep writes a small value.
func (rt *Runtime) keep(ctx context.Context, name string, value []byte) error {
	err := rt.db.Update(ctx, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(keptBucket)
		if err != nil {
			return err
		}
		return b.Put([]byte(name), value)
	})
	if err != nil {
		return fmt.Errorf("keep the %s: %w", name, err)
	}
	return nil
}

// keptOr reads a small value, or makes it the first time.
func (rt *Runtime) keptOr(ctx context.Context, name string, first func() ([]byte, error)) ([]byte, error) {
	value, err := rt.kept(ctx, name)
	if err != nil || value != nil {
		return value, err
	}
	if value, err = first(); err != nil {
		return nil, err
	}
	return value, rt.keep(ctx, name, value)
}
