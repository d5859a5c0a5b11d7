// Package expr holds the expressions that the DynamoDB driver sends. They are few and fixed, so that the local runtime can
// answer the driver's requests by recognising them.
//
// Items whose expires_at has come count as absent, deleted or not; so every condition looks at it. :now is in epoch
// seconds.
package expr

const (
	live = "(attribute_not_exists(expires_at) OR expires_at > :now)"
	// fence keeps a counter from being raised twice by one Write whose answer was lost; puts and deletes need none, as the
	// version they want is gone by then.
	fence = "(attribute_not_exists(write_id) OR write_id <> :w) AND " + live
)

// Conditions.
const (
	// Absent: nothing is stored, or only what has expired.
	Absent = "attribute_not_exists(pk) OR expires_at <= :now"
	// Version: the stored item has version :v.
	Version = "v = :v AND " + live
	// Count: a counter without maximum.
	Count = fence
	// CountUpTo: the number #n is not there or leaves room for what is added, :room being the maximum less that.
	CountUpTo = fence + " AND (attribute_not_exists(#n) OR #n <= :room)"
	// CountBelow: #n is there and leaves room. Used when more is added than the maximum, so that only a negative number
	// has room.
	CountBelow = fence + " AND #n <= :room"
)

// Updates of a counter.
const (
	Add        = "SET write_id = :w ADD v :one, #n :add"
	AddExpires = "SET write_id = :w, expires_at = :e ADD v :one, #n :add"
)

// Key conditions. #p and #s are the key attributes of the table or the index.
const (
	Partition = "#p = :p"
	Between   = "#p = :p AND #s BETWEEN :from AND :to"
	From      = "#p = :p AND #s >= :from"
	To        = "#p = :p AND #s <= :to"
	Prefix    = "#p = :p AND begins_with(#s, :prefix)"
)
