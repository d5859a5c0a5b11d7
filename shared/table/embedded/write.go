package embedded

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/table"
	"opsflow/shared/table/jsonscan"
)

// Write implements table.Table. There is no contention here and no lost answer, but a Write that is given twice is
// recognised as on DynamoDB.
func (t *Table) Write(ctx context.Context, w table.Write) error {
	if err := table.CheckWrite(w, t.indexes); err != nil {
		return err
	}
	return t.db.Update(ctx, func(tx *bbolt.Tx) error {
		root := tx.Bucket(t.root)
		p := plan{table: t, items: root.Bucket(itemsBucket), write: w, now: t.now()}
		steps, err := p.check()
		if err != nil || steps == nil {
			return err
		}
		for _, s := range steps {
			if err := t.apply(root, s); err != nil {
				// Only a failing disk or a full file can bring us here, and bbolt's commit then fails for everybody.
				return fmt.Errorf("write %s: %w", s.key, err)
			}
		}
		return nil
	})
}

// step takes one item from one record to the next; nil stands for none.
type step struct {
	key      table.Key
	from, to *record
}

func (t *Table) apply(root *bbolt.Bucket, s step) error {
	if err := t.reindex(root, s.key, s.from, s.to); err != nil {
		return err
	}
	items := root.Bucket(itemsBucket)
	if s.to == nil {
		return items.Delete(itemKey(s.key))
	}
	return items.Put(itemKey(s.key), s.to.encode())
}

// plan works out what a Write does before anything is written.
type plan struct {
	table *Table
	items *bbolt.Bucket
	write table.Write
	now   time.Time

	steps   []step
	failed  []table.Key
	applied bool // an item bears this very Write's ID
}

// check gives the steps of the Write; none at all when it was applied before.
func (p *plan) check() ([]step, error) {
	p.steps = make([]step, 0, len(p.write.Puts)+len(p.write.Deletes)+len(p.write.Counters))
	for _, put := range p.write.Puts {
		old, live, err := p.old(put.Item.Key)
		if err != nil {
			return nil, err
		}
		if !holds(live, old, put.WantV) {
			p.failed = append(p.failed, put.Item.Key)
			continue
		}
		to := newRecord(put.Item, put.WantV+1, p.write.ID)
		p.steps = append(p.steps, step{put.Item.Key, old, &to})
	}
	for _, d := range p.write.Deletes {
		old, live, err := p.old(d.Key)
		if err != nil {
			return nil, err
		}
		if !holds(live, old, d.WantV) {
			p.failed = append(p.failed, d.Key)
			continue
		}
		p.steps = append(p.steps, step{d.Key, old, nil})
	}
	for _, c := range p.write.Counters {
		if err := p.count(c); err != nil {
			return nil, err
		}
	}
	switch {
	case p.applied:
		return nil, nil
	case len(p.failed) > 0:
		return nil, &table.ConditionError{Failed: p.failed}
	}
	return p.steps, nil
}

// old reads what is stored at key, expired or not.
func (p *plan) old(key table.Key) (r *record, live bool, err error) {
	if p.items.Get(itemKey(key)) == nil {
		return nil, false, nil
	}
	found, live, err := p.table.live(p.items, key, p.now)
	if err != nil {
		return nil, false, err
	}
	if found.writeID == p.write.ID {
		p.applied = true
	}
	return &found, live, nil
}

func holds(live bool, old *record, wantV int64) bool {
	if wantV == 0 {
		return !live
	}
	return live && old.v == wantV
}

func (p *plan) count(c table.Counter) error {
	old, live, err := p.old(c.Key)
	if err != nil {
		return err
	}
	to := record{v: 1, writeID: p.write.ID, data: []byte("{}")}
	if live {
		to.v, to.expires, to.index, to.data = old.v+1, old.expires, old.index, old.data
	}
	n, err := number(to.data, c.Field)
	if err != nil {
		return fmt.Errorf("counter %s: %w", c.Key, err)
	}
	if c.Max != 0 && n > c.Max-c.Add {
		p.failed = append(p.failed, c.Key)
		return nil
	}
	if (c.Add > 0 && n > math.MaxInt64-c.Add) || (c.Add < 0 && n < math.MinInt64-c.Add) {
		return fmt.Errorf("counter %s: %d and %d is out of range", c.Key, n, c.Add)
	}
	to.data = setNumber(to.data, c.Field, n+c.Add)
	if !c.ExpiresAt.IsZero() {
		to.expires = table.Epoch(c.ExpiresAt)
	}
	p.steps = append(p.steps, step{c.Key, old, &to})
	return nil
}

// number reads a top-level field of data, 0 if it is not there.
func number(data []byte, field string) (int64, error) {
	for name, value := range jsonscan.Fields(data) {
		if name != field {
			continue
		}
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("the field %s is not a whole number", field)
		}
		return n, nil
	}
	return 0, nil
}

// setNumber gives data with a top-level field set; what else is in it stays as it is written.
func setNumber(data []byte, field string, n int64) []byte {
	out := append(make([]byte, 0, len(data)+len(field)+24), '{')
	for name, value := range jsonscan.Fields(data) {
		if name == field {
			continue
		}
		out = append(jsonscan.AppendString(out, name), ':')
		out = append(append(out, value...), ',')
	}
	out = append(jsonscan.AppendString(out, field), ':')
	return append(strconv.AppendInt(out, n, 10), '}')
}
