package dynamodb

import (
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
	"opsflow/shared/table/embedded"
)

// Limits of items (developer guide, "Quotas").
const (
	maxItem = 400 << 10
	maxHash = 2048
	maxSort = 1024
)

// collection is a table: its definition, and what reads and writes its items.
type collection struct {
	definition
	schema

	arn     string
	indexes []*index
	rows    rows
	needed  []string // attributes of an item that every write over it looks at
}

// rows are the stored items of a table, within a transaction. Items whose time is over count as absent.
type rows interface {
	// get gives an item, nil when there is none; only has the attributes of these names, nil stands for all.
	get(tx *bbolt.Tx, key attribute.Item, only []string) (attribute.Item, error)
	// encode gives an item as it is stored; it refuses what can't be.
	encode(item attribute.Item) (*encoded, error)
	// plan gives what puts an item in the place of an old one, or removes that when item is nil; it refuses what may not be.
	plan(key, old attribute.Item, item *encoded) (store func(tx *bbolt.Tx) error, err error)
	// walk calls yield with what is within reach, one after the other, until that says false.
	walk(tx *bbolt.Tx, r reach, yield func(attribute.Item) bool) error
	// count gives the number of items in the table, or in an index, and their bytes.
	count(tx *bbolt.Tx, x *index) (items, bytes int)
}

// encoded is an item as it is stored: in a bucket, or in opsflow's own table.
type encoded struct {
	item   attribute.Item
	raw    []byte
	stored embedded.Stored
}

// reach is what a query or scan goes through.
type reach struct {
	index *index                   // nil: the table
	hash  attribute.Value          // the partition; none: all of them
	sort  *expression.KeyCondition // nil: the whole partition
	down  bool
	after attribute.Item // the keys of the item behind which it begins; nil: from the start
	part  segment
}

// find gives an index by its name, nil when there is none.
func (c *collection) find(name string) *index {
	for _, x := range c.indexes {
		if x.name == name {
			return x
		}
	}
	return nil
}

// keyOf gives the key attributes of an item.
func (c *collection) keyOf(item attribute.Item) attribute.Item { return item.Pick(c.names()...) }

// holds reports whether an item is in an index.
func (x *index) holds(item attribute.Item) bool {
	for _, a := range x.attributes() {
		if item[a.name].Kind != a.kind {
			return false
		}
	}
	return true
}

// project gives what an index shows of an item.
func (c *collection) project(x *index, item attribute.Item) attribute.Item {
	if x.all {
		return item
	}
	return item.Pick(append(append(c.names(), x.names()...), x.include...)...)
}

// projects reports whether an index holds an attribute.
func (c *collection) projects(x *index, name string) bool {
	probe := c.project(x, attribute.Item{name: attribute.Str("")})
	return len(probe) == 1
}

// checkKey refuses what is not exactly a key of the table.
func (c *collection) checkKey(key attribute.Item) error {
	if len(key) != len(c.names()) {
		return invalid("The provided key element does not match the schema")
	}
	for _, a := range c.attributes() {
		if key[a.name].Kind != a.kind {
			return invalid("The provided key element does not match the schema")
		}
	}
	return c.checkKeyValues(key)
}

func (c *collection) checkKeyValues(item attribute.Item) error {
	for _, a := range c.attributes() {
		if err := a.checkFilled(item[a.name]); err != nil {
			return err
		}
	}
	if n := len(item[c.hash.name].Text); n > maxHash {
		return invalidValue("Size of hashkey has exceeded the maximum size limit of%d bytes", maxHash)
	}
	if c.sort != nil && len(item[c.sort.name].Text) > maxSort {
		return invalidValue("Aggregated size of all range keys has exceeded the size limit of %d bytes", maxSort)
	}
	return nil
}

const noEmptyKey = "The AttributeValue for a key attribute cannot contain an empty %s value."

// form is what messages call a kind of key.
func form(kind attribute.Kind) string {
	if kind == attribute.Binary {
		return "binary"
	}
	return "string"
}

func (a keyAttribute) checkFilled(v attribute.Value) error {
	if v.Exists() && v.Text == "" {
		return invalid("One or more parameter values are not valid. "+noEmptyKey+" Key: %s", form(v.Kind), a.name)
	}
	return nil
}

// checkItem refuses an item that can't be stored. updated: it comes of an update.
func (c *collection) checkItem(item attribute.Item, updated bool) error {
	for _, a := range c.attributes() {
		v, ok := item[a.name]
		if !ok {
			return invalidValue("Missing the key %s in the item", a.name)
		}
		if v.Kind != a.kind {
			return invalidValue("Type mismatch for key %s expected: %s actual: %s", a.name, a.kind, v.Kind)
		}
	}
	if err := c.checkKeyValues(item); err != nil {
		return err
	}
	for _, x := range c.indexes {
		for _, a := range x.attributes() {
			if err := x.checkValue(a, item[a.name], updated); err != nil {
				return err
			}
		}
	}
	size := item.Size()
	switch {
	case updated && item.TooDeep():
		return invalid(attribute.TooDeep)
	case updated && size > maxItem:
		return invalid("Item size to update has exceeded the maximum allowed size")
	case size > maxItem:
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

func (x *index) checkValue(a keyAttribute, v attribute.Value, updated bool) error {
	switch {
	case !v.Exists():
		return nil
	case v.Kind != a.kind && updated:
		return invalid("The update expression attempted to update the secondary index key to unsupported type")
	case v.Kind != a.kind:
		return invalidValue("Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.name, a.kind, v.Kind, x.name)
	case v.Text == "" && updated:
		return invalid("One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. "+
			noEmptyKey, form(v.Kind))
	case v.Text == "":
		return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
			noEmptyKey+" IndexName: %s, IndexKey: %s", form(v.Kind), x.name, a.name)
	}
	return nil
}

// maxOverdue is how long ago an item's time may have been over: what is older is never deleted, for it may be a mistake.
const maxOverdue = 5 * 365 * 24 * time.Hour

// over reports whether an item's time to live is over.
func (c *collection) over(item attribute.Item, now time.Time) bool {
	v := item[c.TimeToLive]
	if c.TimeToLive == "" || v.Kind != attribute.Number {
		return false
	}
	seconds, err := strconv.ParseFloat(v.Text, 64)
	if err != nil {
		return false
	}
	age := float64(now.Unix()) - seconds
	return age >= 0 && age < maxOverdue.Seconds()
}
