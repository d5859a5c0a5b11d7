package dynamodb

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

const (
	maxToken   = 36
	tokenLife  = 10 * time.Minute
	tokensGone = 10 // the most tokens that are forgotten when one is kept
)

// tokensBucket has the tokens of transactions of the last ten minutes: "=" token -> when it ends, what was asked; and by
// when they end: "<" end token.
var tokensBucket = []byte("\x00tokens")

// errRepeated says that a transaction has been done under the same token.
var errRepeated = errors.New("the transaction was done before")

// token makes a transaction happen once, however often it is sent. The zero token does nothing.
type token struct {
	id      string
	request []byte // what is asked for, in a few bytes
	now     time.Time
}

func (t token) key() []byte { return append([]byte{'='}, t.id...) }

// check gives errRepeated when the transaction was done, and refuses a different one.
func (t token) check(tx *bbolt.Tx) error {
	if t.id == "" {
		return nil
	}
	kept := tx.Bucket(bucket).Bucket(tokensBucket).Get(t.key())
	switch {
	case kept == nil || int64(binary.BigEndian.Uint64(kept)) <= t.now.Unix():
		return nil
	case !slices.Equal(kept[8:], t.request):
		return &fault{code: "IdempotentParameterMismatchException"}
	}
	return errRepeated
}

// keep writes down that the transaction is done, and forgets some that were done long ago.
func (t token) keep(tx *bbolt.Tx) error {
	if t.id == "" {
		return nil
	}
	b := tx.Bucket(bucket).Bucket(tokensBucket)
	for range tokensGone {
		k, _ := b.Cursor().Seek([]byte{'<'})
		if k == nil || k[0] != '<' || int64(binary.BigEndian.Uint64(k[1:])) > t.now.Unix() {
			break
		}
		if err := errors.Join(b.Delete(append([]byte{'='}, k[9:]...)), b.Delete(slices.Clone(k))); err != nil {
			return err
		}
	}
	end := binary.BigEndian.AppendUint64(nil, uint64(t.now.Add(tokenLife).Unix()))
	byEnd := append(append([]byte{'<'}, end...), t.id...)
	return errors.Join(b.Put(t.key(), append(end, t.request...)), b.Put(byEnd, nil))
}

// answerRepeated answers a transaction that was done before: only its items are read.
func (s *Service) answerRepeated(ctx context.Context, in *transactWriteRequest, changes []change) (object, error) {
	var used ledger
	err := s.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		for _, c := range changes {
			item, err := c.table.rows.get(tx, c.key, nil)
			if err != nil {
				return err
			}
			used.add(c.table, capacity{table: reading(item.Size(), true)}, 2)
		}
		return nil
	})
	var out object
	used.addTo(&out, in.ReturnConsumedCapacity, "Read")
	return out, err
}

// fingerprint is the same for changes that are the same, in whatever order attributes come.
func (in *transactWriteRequest) fingerprint(list []*prepared) []byte {
	if in.ClientRequestToken == "" {
		return nil
	}
	h := fnv.New128a()
	for i, t := range in.TransactItems {
		for kind, r := range []*itemRequest{t.Put, t.Update, t.Delete, t.ConditionCheck} {
			if r == nil {
				continue
			}
			_, _ = h.Write([]byte{byte(kind)})
			for _, text := range []*string{&r.TableName, &r.ReturnValuesOnConditionCheckFailure, r.ConditionExpression, r.UpdateExpression} {
				if text != nil {
					_, _ = io.WriteString(h, *text)
				}
				_, _ = h.Write([]byte{0})
			}
			for _, sum := range []uint64{list[i].parameters.Hash(), list[i].key.Hash(), list[i].item.Hash()} {
				_, _ = h.Write(binary.BigEndian.AppendUint64(nil, sum))
			}
		}
	}
	return h.Sum(nil)
}
