package dynamodb

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
)

// The attributes that each of opsflow's own items has beside its data.
const (
	attrPK      = "pk"
	attrSK      = "sk"
	attrV       = "v"
	attrWriteID = "write_id"
	attrExpires = "expires_at"
)

// own gives opsflow's own table.
func (s *Service) own() (*collection, error) {
	d := definition{TableName: s.o.Own.Name, BillingMode: onDemand, TimeToLive: attrExpires, Created: s.o.Now()}
	keys := func(pk, sk string) []keyElement {
		d.AttributeDefinitions = append(d.AttributeDefinitions,
			attributeDefinition{pk, attribute.String}, attributeDefinition{sk, attribute.String})
		return []keyElement{{pk, "HASH"}, {sk, "RANGE"}}
	}
	d.KeySchema = keys(attrPK, attrSK)
	for _, x := range s.o.Own.Indexes {
		p := projection{ProjectionType: "KEYS_ONLY"}
		if len(x.Project) > 0 {
			p = projection{"INCLUDE", append([]string{attrV, attrExpires}, x.Project...)}
		}
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, indexDefinition{
			IndexName: x.Name, KeySchema: keys(x.Name+"_pk", x.Name+"_sk"), Projection: p,
		})
	}
	c, err := compile(d)
	if err != nil {
		return nil, err
	}
	c.arn = s.arn(d.TableName)
	o := &ownRows{Own: s.o.Own, beside: map[string]bool{attrPK: true, attrSK: true, attrV: true, attrWriteID: true, attrExpires: true}}
	for _, x := range s.o.Own.Indexes {
		o.beside[x.Name+"_pk"], o.beside[x.Name+"_sk"] = true, true
	}
	c.rows, c.needed = o, []string{attrV}
	return c, nil
}

// ownRows are the items of opsflow's own table, which the embedded one keeps in its own form: an item's data is JSON, which has
// no sets and no binary, and a place in an index has both keys.
//
// A program may put there what it likes as long as that leaves opsflow's records whole. An item with a version v is one: what
// comes in its place must have a higher one, for whoever has read it takes the version as proof that nothing has changed.
type ownRows struct {
	Own

	beside map[string]bool // the attributes that are not part of an item's data
}

func tableKey(key attribute.Item) table.Key {
	return table.Key{PK: key[attrPK].Text, SK: key[attrSK].Text}
}

func (o *ownRows) get(tx *bbolt.Tx, key attribute.Item, only []string) (attribute.Item, error) {
	stored, found, err := o.Table.Load(tx, tableKey(key))
	if err != nil || !found {
		return nil, err
	}
	return itemOf(stored, only), nil
}

// itemOf gives an item as DynamoDB would show it; only these of its data, nil stands for all.
func itemOf(s embedded.Stored, only []string) attribute.Item {
	item := make(attribute.Item, len(only)+5+2*len(s.Index))
	attribute.AddPlain(item, s.Data, only)
	item[attrPK], item[attrSK] = attribute.Str(s.Key.PK), attribute.Str(s.Key.SK)
	if s.V != 0 {
		item[attrV] = whole(s.V)
	}
	if s.WriteID != "" {
		item[attrWriteID] = attribute.Str(s.WriteID)
	}
	if e := table.Epoch(s.ExpiresAt); e != 0 {
		item[attrExpires] = whole(e)
	}
	for name, at := range s.Index {
		item[name+"_pk"], item[name+"_sk"] = attribute.Str(at.PK), attribute.Str(at.SK)
	}
	return item
}

func whole(n int64) attribute.Value {
	return attribute.Value{Kind: attribute.Number, Text: strconv.FormatInt(n, 10)}
}

// breaks refuses what would leave a record of opsflow's broken.
func (o *ownRows) breaks(format string, args ...any) error {
	return invalidValue("the table %s holds opsflow's records: %s", o.Name, fmt.Sprintf(format, args...))
}

func (o *ownRows) encode(item attribute.Item) (*encoded, error) {
	stored, err := o.storedOf(item)
	if err != nil {
		return nil, err
	}
	err = table.CheckWrite(table.Write{
		ID: cmp.Or(stored.WriteID, "-"), Puts: []table.Put{{Item: stored.Item, WantV: max(stored.V-1, 0)}},
	}, o.Indexes)
	return &encoded{item: item, stored: stored}, err
}

func (o *ownRows) plan(key, old attribute.Item, item *encoded) (store func(tx *bbolt.Tx) error, err error) {
	if item == nil {
		return func(tx *bbolt.Tx) error { return o.Table.Replace(tx, tableKey(key), nil) }, nil
	}
	if v, ok := old[attrV]; ok {
		if order, _ := attribute.Compare(whole(item.stored.V), v); order <= 0 {
			return nil, o.breaks("this one has the version v = %s, and every write must raise it (ADD v :one); it would be %d", v.Text, item.stored.V)
		}
	}
	return func(tx *bbolt.Tx) error { return o.Table.Replace(tx, item.stored.Key, &item.stored) }, nil
}

// storedOf gives an item as the embedded table keeps it.
func (o *ownRows) storedOf(item attribute.Item) (embedded.Stored, error) {
	s := embedded.Stored{Item: table.Item{Key: tableKey(item)}}
	var err error
	if s.V, err = o.wholeNumber(item, attrV); err != nil {
		return s, err
	}
	expires, err := o.wholeNumber(item, attrExpires)
	if err != nil {
		return s, err
	}
	if expires > 0 {
		s.ExpiresAt = time.Unix(expires, 0).UTC()
	}
	if id, ok := item[attrWriteID]; ok {
		if id.Kind != attribute.String {
			return s, o.breaks("%s must be a string, not of type %s", attrWriteID, id.Kind)
		}
		s.WriteID = id.Text
	}
	for _, x := range o.Indexes {
		pk, sk := x.Name+"_pk", x.Name+"_sk"
		if item[pk].Exists() != item[sk].Exists() {
			return s, o.breaks("an item has both %s and %s or neither", pk, sk)
		}
		if item[pk].Exists() {
			if s.Index == nil {
				s.Index = make(map[string]table.Key, len(o.Indexes))
			}
			s.Index[x.Name] = table.Key{PK: item[pk].Text, SK: item[sk].Text}
		}
	}
	var name string
	if s.Data, name = item.Plain(o.beside); name != "" {
		return s, o.breaks("%s can't be kept: they have no binary values and no sets", name)
	}
	return s, nil
}

// wholeNumber reads a number of 0 or more; 0 when it is not there.
func (o *ownRows) wholeNumber(item attribute.Item, name string) (int64, error) {
	v, ok := item[name]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if v.Kind != attribute.Number || err != nil || n < 1 {
		return 0, o.breaks("%s must be a whole number above 0", name)
	}
	return n, nil
}

func (o *ownRows) walk(tx *bbolt.Tx, r reach, yield func(attribute.Item) bool) error {
	q := table.Query{PK: r.hash.Text, Descending: r.down}
	if r.index != nil {
		q.Index = r.index.name
	}
	if r.after != nil {
		q.After = &table.Place{Key: tableKey(r.after)}
		if r.index != nil {
			q.After.Index = table.Key{PK: r.after[r.index.hash.name].Text, SK: r.after[r.index.sort.name].Text}
		}
	}
	bound(&q, r)
	return o.Table.Walk(tx, q, func(s embedded.Stored) bool {
		at := s.Key
		if r.index != nil {
			at = s.Index[q.Index]
		}
		if excluded(r, at.SK) || !r.part.covers(attribute.Str(at.PK)) {
			return true
		}
		return yield(itemOf(s, nil))
	})
}

// bound puts the condition on the sort key into a query, whose bounds are inclusive.
func bound(q *table.Query, r reach) {
	if r.sort == nil {
		return
	}
	first := r.sort.Values[0].Text
	switch r.sort.Op {
	case "=":
		q.From, q.To = first, first
	case "<", "<=":
		q.To = first
	case ">", ">=":
		q.From = first
	case "BETWEEN":
		q.From, q.To = first, r.sort.Values[1].Text
	default: // begins_with
		q.Prefix = first
	}
}

// excluded reports whether a sort key is a bound that does not belong to the reach.
func excluded(r reach, sort string) bool {
	return r.sort != nil && (r.sort.Op == "<" || r.sort.Op == ">") && sort == r.sort.Values[0].Text
}

func (o *ownRows) count(tx *bbolt.Tx, x *index) (items, size int) {
	_ = o.walk(tx, reach{index: x}, func(item attribute.Item) bool { // a table that can't be read has nothing that counts
		items++
		size += item.Size()
		return true
	})
	return items, size
}
