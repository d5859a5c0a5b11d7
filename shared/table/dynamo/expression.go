package dynamo

// The expressions that this driver sends.
//
// Items whose expires_at has come count as absent, deleted or not; so every condition looks at it. :now is in epoch
// seconds.

const (
	live = "(attribute_not_exists(expires_at) OR expires_at > :now)"
	// fence keeps a counter from being raised twice by one Write whose answer was lost; puts and deletes need none, as the
	// version they want is gone by then.
	fence = "(attribute_not_exists(write_id) OR write_id <> :w) AND " + live
)

// Conditions.
const (
	// ifAbsent: nothing is stored, or only what has expired.
	ifAbsent = "attribute_not_exists(pk) OR expires_at <= :now"
	// ifVersion: the stored item has version :v.
	ifVersion = "v = :v AND " + live
	// ifCounts: a counter without maximum.
	ifCounts = fence
	// ifRoom: the number #n is not there or leaves room for what is added, :room being the maximum less that.
	ifRoom = fence + " AND (attribute_not_exists(#n) OR #n <= :room)"
	// ifRoomThere: #n is there and leaves room. Used when more is added than the maximum, so that only a negative number
	// has room.
	ifRoomThere = fence + " AND #n <= :room"
)

// Updates of a counter.
const (
	addNumber         = "SET write_id = :w ADD v :one, #n :add"
	addNumberExpiring = "SET write_id = :w, expires_at = :e ADD v :one, #n :add"
)

// Key conditions. #p and #s are the key attributes of the table or the index.
const (
	wholePartition = "#p = :p"
	keyBetween     = "#p = :p AND #s BETWEEN :from AND :to"
	keyFrom        = "#p = :p AND #s >= :from"
	keyTo          = "#p = :p AND #s <= :to"
	keyPrefix      = "#p = :p AND begins_with(#s, :prefix)"
)
