package dynamodb

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

// change is a write of one item.
type change struct {
	table     *collection
	key       attribute.Item
	condition *expression.Condition // nil: none
	// next gives what comes in the place of the old item, nil for either is none. A change without next only asks for its
	// condition.
	next    func(old attribute.Item) (attribute.Item, error)
	encoded *encoded // what next gives, if that does not depend on the old item
	updated bool     // next updates an item, rather than putting one
	showOld bool     // a failed condition shows the item
	whole   bool     // all of the old item is needed for something else
	refused error    // it can't be, whatever is stored
}

// outcome is what a change came to.
type outcome struct {
	old, item attribute.Item // old has only what was needed of it
	err       error          // why it can't be

	encoded *encoded                 // item as it is stored
	store   func(tx *bbolt.Tx) error // carries it out; nil: there is nothing to do
}

// errCondition says that a change's condition does not hold.
var errCondition = &fault{code: conditionFailed, message: conditionMessage}

// write carries out all changes or none: when the answer is errRefused, the outcomes say why. Under a token that has been
// used it does nothing.
func (s *Service) write(ctx context.Context, changes []change, t token) ([]outcome, error) {
	var outcomes []outcome
	err := s.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		outcomes = make([]outcome, len(changes))
		if err := t.check(tx); err != nil {
			return err
		}
		if err := planAll(tx, changes, outcomes); err != nil {
			return err
		}
		for _, o := range outcomes {
			if o.store == nil {
				continue
			}
			if err := o.store(tx); err != nil {
				return err
			}
		}
		return t.keep(tx)
	})
	if err == nil {
		s.tellOwn(changes, outcomes)
	}
	return outcomes, err
}

// tellOwn tells of what was written to opsflow's own table.
func (s *Service) tellOwn(changes []change, outcomes []outcome) {
	if s.o.Own.Changed == nil {
		return
	}
	for i, o := range outcomes {
		if o.store != nil && o.encoded != nil && changes[i].table.TableName == s.o.Own.Name {
			s.o.Own.Changed(o.encoded.stored.Item)
		}
	}
}

// planAll works out what each change does; errRefused when one of them can't be.
func planAll(tx *bbolt.Tx, changes []change, outcomes []outcome) (err error) {
	refused := false
	for i, c := range changes {
		if outcomes[i].err = c.refused; c.refused == nil {
			if outcomes[i], err = c.plan(tx); err != nil {
				return err
			}
		}
		refused = refused || outcomes[i].err != nil
	}
	if refused {
		return errRefused
	}
	return nil
}

// plan works out what a change does. An error is one of the store; what is wrong with the change is in the outcome.
func (c change) plan(tx *bbolt.Tx) (outcome, error) {
	old, err := c.table.rows.get(tx, c.key, c.needed())
	if err != nil {
		return outcome{}, err
	}
	o := c.decide(old)
	if c.showOld && errors.Is(o.err, errCondition) {
		o.old, err = c.table.rows.get(tx, c.key, nil)
	}
	return o, err
}

// decide gives what a change comes to over an old item, of which it has what it needs.
func (c change) decide(old attribute.Item) outcome {
	o := outcome{old: old, item: old}
	if c.condition != nil && !c.condition.Holds(old) {
		o.err = errCondition
		return o
	}
	if c.next == nil {
		return o
	}
	if o.item, o.err = c.next(old); o.err == nil && c.updated {
		o.err = c.table.checkItem(o.item, true)
	}
	o.encoded = c.encoded
	if o.err == nil && o.item != nil && o.encoded == nil {
		o.encoded, o.err = c.table.rows.encode(o.item)
	}
	if o.err == nil && (o.item != nil || old != nil) {
		o.store, o.err = c.table.rows.plan(c.key, old, o.encoded)
	}
	return o
}

// needed names the attributes of the old item that a change looks at; nil stands for all of them.
func (c change) needed() []string {
	if c.whole || c.updated {
		return nil
	}
	names := append([]string{}, c.table.needed...)
	if c.condition != nil {
		for _, p := range c.condition.Paths() {
			names = append(names, p[0].Name)
		}
	}
	return names
}

// writeOne carries out a single change.
func (s *Service) writeOne(ctx context.Context, c change) (outcome, error) {
	outcomes, err := s.write(ctx, []change{c}, token{})
	if !errors.Is(err, errRefused) {
		if err != nil {
			return outcome{}, err
		}
		return outcomes[0], nil
	}
	o := outcomes[0]
	if errors.Is(o.err, errCondition) && c.showOld && o.old != nil {
		return o, &fault{code: conditionFailed, message: conditionMessage, members: object{{"Item", o.old}}}
	}
	return o, o.err
}
