package ops

// Limits of a list request.
const (
	DefaultPageLimit = 20
	MaxPageLimit     = 100
)

// PageRequest asks for one page of a list. Limit 0 means DefaultPageLimit. Cursor is a NextCursor that was given for
// the same list with the same filter, or empty for the first page.
type PageRequest struct {
	Limit  int
	Cursor string
}

// Page is one page of a list, newest or most urgent first. Lists come from indexes: they are eventually consistent,
// and their records hold only the fields that lists show; read one by its id for all of it.
type Page[T any] struct {
	Items      []T
	NextCursor string // empty on the last page
	Count      Count
}

// Count is how many records a filter matches.
type Count struct {
	Value int  `json:"value"`
	Exact bool `json:"exact"` // false: there are at least Value
}
