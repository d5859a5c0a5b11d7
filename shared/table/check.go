package table

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"opsflow/shared/table/jsonscan"
)

const (
	defaultQueryLimit = 100
	maxQueryLimit     = 1000
	maxWriteID        = 64
	maxDepth          = 32 // levels of objects and arrays in one field, DynamoDB's limit
)

func limitf(format string, args ...any) *LimitError {
	return &LimitError{What: fmt.Sprintf(format, args...)}
}

// reserved reports whether name is an attribute of the item itself, so that Data may not use it.
func reserved(name string, indexes []Index) bool {
	switch name {
	case "pk", "sk", "v", "write_id", "expires_at":
		return true
	}
	for _, ix := range indexes {
		if rest, ok := cutPrefix(name, ix.Name); ok && (rest == "_pk" || rest == "_sk") {
			return true
		}
	}
	return false
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return "", false
	}
	return s[len(prefix):], true
}

// CheckIndexes returns a *LimitError when two indexes have one name, a name is empty, or one projects a reserved name.
func CheckIndexes(indexes []Index) error {
	seen := map[string]bool{}
	for _, ix := range indexes {
		if ix.Name == "" || seen[ix.Name] {
			return limitf("index name %q is empty or used twice", ix.Name)
		}
		seen[ix.Name] = true
		for _, field := range ix.Project {
			if field == "" || reserved(field, indexes) {
				return limitf("index %s projects the reserved name %q", ix.Name, field)
			}
		}
	}
	return nil
}

// CheckKey returns a *LimitError when a key is empty, over its limit or not UTF-8.
func CheckKey(key Key) error { return checkKey("key", key) }

func checkKey(what string, key Key) error {
	switch {
	case key.PK == "" || len(key.PK) > MaxPartition:
		return limitf("%s: the partition has %d bytes; it must have 1 to %d", what, len(key.PK), MaxPartition)
	case key.SK == "" || len(key.SK) > MaxSort:
		return limitf("%s: the sort key has %d bytes; it must have 1 to %d", what, len(key.SK), MaxSort)
	case !utf8.ValidString(key.PK) || !utf8.ValidString(key.SK):
		return limitf("%s: %q is not UTF-8", what, key)
	}
	return nil
}

// CheckBatchGet returns a *LimitError when there are too many keys, a malformed one, or one twice.
func CheckBatchGet(keys []Key) error {
	if len(keys) > MaxBatchGet {
		return limitf("a batch get of %d keys; the most is %d", len(keys), MaxBatchGet)
	}
	seen := make(map[Key]bool, len(keys))
	for _, key := range keys {
		if err := CheckKey(key); err != nil {
			return err
		}
		if seen[key] {
			return limitf("a batch get names %s twice", key)
		}
		seen[key] = true
	}
	return nil
}

// CheckQuery returns a *LimitError when a query is malformed, else the query with its Limit filled in. A From above To is
// no error: the answer is empty.
func CheckQuery(q Query, indexes []Index) (Query, error) {
	if q.Limit == 0 {
		q.Limit = defaultQueryLimit
	}
	ranged := q.From != "" || q.To != ""
	switch {
	case q.Index != "" && !slices.ContainsFunc(indexes, func(ix Index) bool { return ix.Name == q.Index }):
		return q, limitf("query: no index is named %q", q.Index)
	case q.Index != "" && q.Consistent:
		return q, limitf("query: index %s cannot be read consistently", q.Index)
	case q.PK == "" || len(q.PK) > MaxPartition:
		return q, limitf("query: the partition has %d bytes; it must have 1 to %d", len(q.PK), MaxPartition)
	case max(len(q.From), len(q.To), len(q.Prefix)) > MaxSort:
		return q, limitf("query: a bound of the sort key is over %d bytes", MaxSort)
	case ranged && q.Prefix != "":
		return q, limitf("query: it has both a prefix and a range")
	case q.Limit < 1 || q.Limit > maxQueryLimit:
		return q, limitf("query: the limit is %d; it must be 1 to %d", q.Limit, maxQueryLimit)
	case !utf8.ValidString(q.PK) || !utf8.ValidString(q.From) || !utf8.ValidString(q.To) || !utf8.ValidString(q.Prefix):
		return q, limitf("query: a key is not UTF-8")
	}
	return q, checkPlace(q)
}

// checkPlace refuses a place that this query cannot have come to: DynamoDB does, too.
func checkPlace(q Query) error {
	if q.After == nil {
		return nil
	}
	if err := checkKey("query: after", q.After.Key); err != nil {
		return err
	}
	at := q.After.Key
	if q.Index != "" {
		at = q.After.Index
		if err := checkKey("query: after, in the index", at); err != nil {
			return err
		}
	}
	_, hasPrefix := cutPrefix(at.SK, q.Prefix)
	if at.PK != q.PK || !hasPrefix || at.SK < q.From || (q.To != "" && at.SK > q.To) {
		return limitf("query: it continues after %s, which is outside of it", at)
	}
	return nil
}

// CheckWrite returns a *LimitError when a write is malformed or over a limit. Every driver calls it before it does
// anything, so that all refuse the same writes.
func CheckWrite(w Write, indexes []Index) error {
	if len(w.ID) < 1 || len(w.ID) > maxWriteID {
		return limitf("a write's id has %d characters; it must have 1 to %d", len(w.ID), maxWriteID)
	}
	n := len(w.Puts) + len(w.Deletes) + len(w.Counters)
	if n < 1 || n > MaxWriteItems {
		return limitf("a write of %d items; it must have 1 to %d", n, MaxWriteItems)
	}
	seen := make(map[Key]bool, n)
	fresh := func(what string, key Key) error {
		if err := checkKey(what, key); err != nil {
			return err
		}
		if seen[key] {
			return limitf("a write changes %s twice", key)
		}
		seen[key] = true
		return nil
	}
	total := 0
	for _, p := range w.Puts {
		if err := fresh("put", p.Item.Key); err != nil {
			return err
		}
		size, err := checkPut(p, w.ID, indexes)
		if err != nil {
			return err
		}
		total += size
	}
	for _, d := range w.Deletes {
		if err := fresh("delete", d.Key); err != nil {
			return err
		}
		if d.WantV < 1 {
			return limitf("delete %s: the version wanted is %d; it must be at least 1", d.Key, d.WantV)
		}
	}
	for _, c := range w.Counters {
		if err := fresh("counter", c.Key); err != nil {
			return err
		}
		if err := checkCounter(c, indexes); err != nil {
			return err
		}
		total += len(c.Key.PK) + len(c.Key.SK) + len(c.Field) + len(w.ID)
	}
	if total > MaxWriteBytes {
		return limitf("a write of %d bytes; the most is %d", total, MaxWriteBytes)
	}
	return nil
}

func checkPut(p Put, id string, indexes []Index) (int, error) {
	item := p.Item
	if p.WantV < 0 {
		return 0, limitf("put %s: the version wanted is %d; it may not be negative", item.Key, p.WantV)
	}
	for name, key := range item.Index {
		if !slices.ContainsFunc(indexes, func(ix Index) bool { return ix.Name == name }) {
			return 0, limitf("put %s: no index is named %q", item.Key, name)
		}
		if err := checkKey("put "+item.Key.String()+": index "+name, key); err != nil {
			return 0, err
		}
	}
	if !item.ExpiresAt.IsZero() && item.ExpiresAt.Unix() <= 0 {
		return 0, limitf("put %s: it expires in %d", item.Key, item.ExpiresAt.Year())
	}
	if err := checkData(item, indexes); err != nil {
		return 0, err
	}
	size := ItemBytes(item, id, p.WantV+1)
	if size > MaxItemBytes {
		return 0, limitf("item %s is %d bytes; the most is %d", item.Key, size, MaxItemBytes)
	}
	return size, nil
}

func checkData(item Item, indexes []Index) error {
	if len(item.Data) == 0 {
		return nil
	}
	if !json.Valid(item.Data) || !utf8.Valid(item.Data) {
		return limitf("put %s: its data is not JSON in UTF-8", item.Key)
	}
	if kind, _ := jsonscan.New(item.Data).Next(); kind != jsonscan.ObjectBegin {
		return limitf("put %s: its data is not a JSON object", item.Key)
	}
	for name := range jsonscan.Fields(item.Data) {
		if reserved(name, indexes) {
			return limitf("put %s: its data uses the reserved name %q", item.Key, name)
		}
	}
	for tok := range tokens(item.Data) {
		switch {
		case tok.name && len(tok.raw) == len(`""`):
			return limitf("put %s: its data has a field without a name", item.Key)
		case tok.depth > maxDepth:
			return limitf("put %s: its data is nested deeper than %d levels", item.Key, maxDepth)
		case tok.kind == jsonscan.Number:
			if why := numberFault(tok.raw); why != "" {
				return limitf("put %s: the number %.60s %s", item.Key, tok.raw, why)
			}
		}
	}
	return nil
}

func checkCounter(c Counter, indexes []Index) error {
	switch {
	case c.Field == "" || !utf8.ValidString(c.Field) || reserved(c.Field, indexes):
		return limitf("counter %s: it uses the reserved name %q", c.Key, c.Field)
	case c.Add == 0:
		return limitf("counter %s: it adds 0", c.Key)
	case c.Max != 0 && (c.Add < 0 && c.Max > math.MaxInt64+c.Add || c.Add > 0 && c.Max < math.MinInt64+c.Add):
		return limitf("counter %s: %d below %d is out of range", c.Key, c.Add, c.Max)
	case !c.ExpiresAt.IsZero() && c.ExpiresAt.Unix() <= 0:
		return limitf("counter %s: it expires in %d", c.Key, c.ExpiresAt.Year())
	}
	return nil
}
