package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

// Limits of a transaction.
const (
	maxTransaction      = 100
	maxTransactionBytes = 4 << 20
)

const sameItem = "Transaction request cannot include multiple operations on one item"

type transactWriteRequest struct {
	TransactItems []struct {
		Put, Update, Delete, ConditionCheck *itemRequest
	}
	ClientRequestToken     string
	ReturnConsumedCapacity string
}

func checkTransaction(n int) error {
	shown := "[...]"
	if n == 0 {
		shown = "[]"
	}
	var f constraint.Faults
	f.Size("transactItems", shown, n, 1, maxTransaction)
	return broken(f)
}

func (s *Service) transactWriteItems(ctx context.Context, in *transactWriteRequest) (object, error) {
	if err := checkTransaction(len(in.TransactItems)); err != nil {
		return nil, err
	}
	var f constraint.Faults
	if f.Length("clientRequestToken", in.ClientRequestToken, 0, maxToken); f != nil {
		return nil, broken(f)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list, err := s.transactItems(in)
	if err != nil {
		return nil, err
	}
	changes, err := s.transactChanges(list)
	if err != nil {
		return nil, err
	}
	outcomes, err := s.write(ctx, changes, token{id: in.ClientRequestToken, request: in.fingerprint(list), now: s.o.Now()})
	switch {
	case errors.Is(err, errRepeated):
		return s.answerRepeated(ctx, in, changes)
	case errors.Is(err, errRefused):
		return nil, cancelled(outcomes, changes)
	case err != nil:
		return nil, err
	}
	var out object
	if s.counts(in.ReturnConsumedCapacity) {
		var used ledger
		for i, o := range outcomes {
			used.add(changes[i].table, writing(changes[i].table, o), 2)
		}
		used.addTo(&out, in.ReturnConsumedCapacity, "Write")
		s.tell(ctx, Used{Operation: "TransactWriteItems", Items: len(changes), WriteUnits: used.total()})
	}
	return out, nil
}

// transactItems reads the changes, as far as they do not depend on their tables.
func (s *Service) transactItems(in *transactWriteRequest) ([]*prepared, error) {
	size := 0
	list := make([]*prepared, len(in.TransactItems))
	for i, t := range in.TransactItems {
		r, p, err := transactItem(t.Put, t.Update, t.Delete, t.ConditionCheck, i)
		if err != nil {
			return nil, err
		}
		if p.table, err = s.find(r.TableName); err != nil {
			return nil, err
		}
		p.whole = s.counts(in.ReturnConsumedCapacity)
		list[i] = p
		size += p.item.Size()
	}
	if size > maxTransactionBytes {
		return nil, invalid("Transaction payload size cannot exceed 4MB. Payload Size: %d", size)
	}
	return list, nil
}

// transactChanges holds the changes against their tables: what is wrong with an item cancels the transaction.
func (s *Service) transactChanges(list []*prepared) ([]change, error) {
	seen := map[string]bool{}
	changes := make([]change, len(list))
	for i, p := range list {
		p.refused = p.bind(s, p.table.TableName)
		id := p.table.TableName + "\x00" + p.key.Key()
		if p.refused == nil && seen[id] {
			return nil, invalid(sameItem)
		}
		seen[id] = true
		changes[i] = p.change
	}
	return changes, nil
}

func transactItem(put, update, del, check *itemRequest, i int) (*itemRequest, *prepared, error) {
	var r *itemRequest
	var prepare func() (*prepared, error)
	n := 0
	for _, one := range []struct {
		r       *itemRequest
		prepare func(*itemRequest) (*prepared, error)
	}{{put, (*itemRequest).put}, {update, (*itemRequest).update}, {del, (*itemRequest).delete}, {check, (*itemRequest).conditionCheck}} {
		if one.r != nil {
			n++
			r, prepare = one.r, func() (*prepared, error) { return one.prepare(one.r) }
		}
	}
	switch {
	case n == 0:
		return nil, nil, invalid("Invalid Request: TransactWriteRequest should contain Delete or Put or Update request")
	case n > 1:
		return nil, nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	case check != nil && check.ConditionExpression == nil:
		return nil, nil, missingOf(i, "conditionCheck.conditionExpression")
	case update != nil && update.UpdateExpression == nil:
		return nil, nil, missingOf(i, "update.updateExpression")
	}
	r.legacy = legacy{} // a transaction has none of these
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	p, err := prepare()
	if check != nil && err == nil {
		p.next = nil
	}
	return r, p, err
}

// missingOf refuses an operation of a transaction without one of its members.
func missingOf(i int, member string) error {
	return missing(fmt.Sprintf("transactItems.%d.member.%s", i+1, member))
}

// cancelled says for each part of a transaction why it kept all from being done. changes is nil for one that reads.
func cancelled(outcomes []outcome, changes []change) error {
	codes, reasons := make([]string, len(outcomes)), make([]object, len(outcomes))
	for i, o := range outcomes {
		codes[i] = "None"
		if o.err == nil {
			reasons[i] = object{{"Code", codes[i]}}
			continue
		}
		f := faultOf(o.err)
		codes[i] = "ValidationError"
		if f.code == conditionFailed {
			codes[i] = "ConditionalCheckFailed"
		}
		reasons[i] = object{{"Code", codes[i]}, {"Message", f.message}}
		if f.code == conditionFailed && changes != nil && changes[i].showOld && o.old != nil {
			reasons[i].add("Item", o.old)
		}
	}
	return &fault{
		code:    "TransactionCanceledException",
		message: fmt.Sprintf("Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", ")),
		members: object{{"CancellationReasons", reasons}},
	}
}

type transactGetRequest struct {
	TransactItems []struct {
		Get *itemRequest
	}
	ReturnConsumedCapacity string
}

func (s *Service) transactGetItems(ctx context.Context, in *transactGetRequest) (object, error) {
	if err := checkTransaction(len(in.TransactItems)); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	gets := make([]func(tx *bbolt.Tx) (object, error), len(in.TransactItems))
	outcomes, refused := make([]outcome, len(gets)), false
	seen := map[string]bool{}
	var used ledger
	for i, t := range in.TransactItems {
		if t.Get == nil {
			return nil, missingOf(i, "get")
		}
		c, key, paths, err := s.transactGet(t.Get)
		if err != nil {
			return nil, err
		}
		if outcomes[i].err = c.checkKey(key); outcomes[i].err != nil {
			refused = true
			continue
		}
		id := c.TableName + "\x00" + key.Key()
		if seen[id] {
			return nil, invalid(sameItem)
		}
		seen[id] = true
		gets[i] = func(tx *bbolt.Tx) (object, error) {
			item, err := c.rows.get(tx, key, nil)
			used.add(c, capacity{table: reading(item.Size(), true)}, 2)
			if err != nil || item == nil {
				return object{}, err
			}
			return object{{"Item", projected(item, paths)}}, nil
		}
	}
	if refused {
		return nil, cancelled(outcomes, nil)
	}
	responses := make([]object, len(gets))
	err := s.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		for i, get := range gets {
			var err error
			if responses[i], err = get(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := object{{"Responses", responses}}
	used.addTo(&out, in.ReturnConsumedCapacity, "Read")
	s.tell(ctx, Used{Operation: "TransactGetItems", Items: len(gets), ReadUnits: used.total()})
	return out, nil
}

// transactGet reads one part of a transaction.
func (s *Service) transactGet(in *itemRequest) (*collection, attribute.Item, []expression.Path, error) {
	if err := in.check(); err != nil {
		return nil, nil, nil, err
	}
	key, err := parseItem("key", in.Key)
	if err != nil {
		return nil, nil, nil, err
	}
	paths, err := in.projection()
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := s.find(in.TableName)
	return c, key, paths, err
}
