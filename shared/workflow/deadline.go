package workflow

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// due is the deadline of a person's step that is opened now; zero when it has none.
func (r *run) due(s *planned) time.Time {
	if s.Due.IsZero() {
		return time.Time{}
	}
	return r.Calendar.Deadline(r.Clock.Now(), s.Due)
}

func sortedKeys(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }
