// Package table is the narrow port through which opsflow stores everything: one table in the manner of DynamoDB, with
// conditional writes, transactions and four sparse indexes. Two drivers implement it: dynamo (aws-sdk-go-v2) and
// embedded (bbolt). tabletest is the suite that both pass; behaviour is added there first.
package table

import (
	"context"
	"encoding/json"
	"time"
)

// Key names one item: a partition and a place within it.
type Key struct {
	PK string
	SK string
}

// String gives the key as messages show it.
func (k Key) String() string { return k.PK + "/" + k.SK }

// Limits, which both drivers enforce before anything is sent.
const (
	MaxItemBytes  = 400 << 10 // one item, attribute names included
	MaxWriteItems = 100       // items in one Write
	MaxWriteBytes = 4 << 20   // all items of one Write
	MaxBatchGet   = 100       // keys in one BatchGet
	MaxPartition  = 2048      // bytes of a partition key
	MaxSort       = 1024      // bytes of a sort key
)

// Item is one stored item.
//
// In DynamoDB it is a flat map that people can read in the AWS console: the attributes pk, sk, v, write_id and
// expires_at (epoch seconds), <index>_pk and <index>_sk of each index it is in, and every top-level field of Data
// under its own name. Data may not use those reserved names.
type Item struct {
	Key Key
	// V counts the writes of this item, from 1. A put sets it (see Put); reads return it.
	V int64
	// ExpiresAt is when the item counts as absent, deleted or not: Get, BatchGet and Query do not return it, and a put
	// may replace it as if it were not there. Zero: never. Stored in whole seconds, rounded up.
	ExpiresAt time.Time
	// Index places the item in indexes, by index name. An index that is not named here does not hold the item.
	Index map[string]Key
	// Data is one JSON object. Numbers keep their exact decimal value up to 38 digits; object keys come back in any
	// order. Absent and null differ.
	Data json.RawMessage
}

// Index declares an index. Package store declares the set that opsflow uses.
type Index struct {
	Name string
	// Project lists the top-level fields of Data that the index holds besides keys, V and ExpiresAt; a Query on the
	// index returns items with these fields only, their V, ExpiresAt and their place in this index. Empty: the index
	// holds nothing but keys (so that writes which do not move the item in it cost it nothing): V is 0 then, and items
	// that have expired may still be found.
	Project []string
}

// Query asks for a range of one partition of the table or of an index, in byte order of the sort key. Items of an index
// whose sort keys are equal come in an order that stays the same from page to page but is otherwise not told.
type Query struct {
	Index string // an index's name; empty: the table itself
	PK    string
	// From and To bound the sort key, both inclusive, in byte order; empty: no bound. Prefix is the same as a From and
	// To around everything that begins with it; give either Prefix or From/To.
	From, To, Prefix string
	Descending       bool
	Limit            int // most items to return, 1 to 1000; 0 means 100
	// After continues behind a place that an earlier page's Next named; nil: from the start.
	After *Place
	// Consistent reads the newest state; only on the table itself.
	Consistent bool
}

// Place is where a page ended: the item's own key and, for an index, its key there. It can be written down (JSON) and
// given to a later Query with the same Index, PK and order, by any process.
type Place struct {
	Key   Key `json:"k"`
	Index Key `json:"i,omitzero"`
}

// Page is the answer to a Query. Next is nil when nothing is left; a page can hold fewer items than Limit, even none,
// and still have a Next.
type Page struct {
	Items []Item
	Next  *Place
}

// Write is one atomic change of up to MaxWriteItems different items: all of it happens or nothing.
//
// A Write of a single operation is sent as a plain PutItem, UpdateItem or DeleteItem; more are a transaction, at twice
// the price.
type Write struct {
	// ID is unique to this attempt to write, and every item put or counted keeps it until the next write. When a condition
	// fails, the driver looks at the stored items: its own ID on any of them means that an earlier try of this very Write
	// was applied (all of it) and its answer lost, so the Write succeeded. Required, 1 to 64 bytes.
	ID       string
	Puts     []Put
	Deletes  []Delete
	Counters []Counter
}

// Put stores an item whole, under the condition that the stored one has version WantV (0: that there is none, or only an
// expired one). The item is stored with V = WantV + 1; Item.V is ignored.
type Put struct {
	Item  Item
	WantV int64
}

// Delete removes an item, under the condition that it has version WantV.
type Delete struct {
	Key   Key
	WantV int64
}

// Counter adds to the number Field of the item at Key, which is made if it is not there or has expired, and raises its V.
// If Max is not 0 the sum may not pass it. The item's other fields are kept; an expired item is replaced whole, from zero.
type Counter struct {
	Key       Key
	Field     string
	Add       int64     // may be negative, never 0
	Max       int64     // 0: no maximum
	ExpiresAt time.Time // set on the item with every write; zero: left as it is
}

// Table is the storage port. All methods are safe for concurrent use. Errors are *ConditionError, *LimitError,
// *ThrottleError or, for everything else (network, disk, ended context), plain errors.
type Table interface {
	// Get reads one item, consistently. found is false when there is none or it has expired.
	Get(ctx context.Context, key Key) (item Item, found bool, err error)
	// BatchGet reads up to MaxBatchGet different keys, consistently but not at one point in time. The answer has the
	// items that exist and have not expired, by key.
	BatchGet(ctx context.Context, keys []Key) (map[Key]Item, error)
	// Query reads one page. Index queries are eventually consistent.
	Query(ctx context.Context, q Query) (Page, error)
	// Write changes items atomically. A *ConditionError names every operation whose condition failed; nothing was
	// written then. Contention (DynamoDB's TransactionConflict and the like) is retried inside with full jitter, 8
	// tries, then a *ThrottleError.
	Write(ctx context.Context, w Write) error
}
