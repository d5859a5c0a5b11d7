package workflow

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"opsflow/shared/ops"
)

// The hours of business, in UTC, Monday to Friday.
const (
	opensAt  = 9
	closesAt = 17
)

// deadline is the time d after now. Business time runs only from Monday to Friday, 9:00 to 17:00 UTC.
func deadline(now time.Time, d ops.Duration) time.Time {
	if !d.Business {
		return now.Add(d.D)
	}
	at, left := now.UTC(), d.D
	for {
		opens := time.Date(at.Year(), at.Month(), at.Day(), opensAt, 0, 0, 0, time.UTC)
		closes := opens.Add((closesAt - opensAt) * time.Hour)
		if at.Before(opens) {
			at = opens
		}
		if day := at.Weekday(); day != time.Saturday && day != time.Sunday && at.Before(closes) {
			open := closes.Sub(at)
			if left <= open {
				return at.Add(left)
			}
			left -= open
		}
		at = opens.AddDate(0, 0, 1)
	}
}

// due is the deadline of a person's step that is opened now; zero when it has none.
func (r *run) due(s *planned) time.Time {
	if s.Due.IsZero() {
		return time.Time{}
	}
	return deadline(r.Clock.Now(), s.Due)
}

func sortedKeys(m map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(m)) }
