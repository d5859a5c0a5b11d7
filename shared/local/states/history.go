package states

import (
	"encoding/json"
	"strings"
	"time"
)

// HistoryEvent is one event of an execution's history.
type HistoryEvent struct {
	ID         int64           `json:"i"`
	PreviousID int64           `json:"p"`
	Millis     int64           `json:"t"` // Unix time
	Type       string          `json:"y"`
	Details    json.RawMessage `json:"d,omitempty"` // as the API shows them; see DetailsField
}

// Time is when the event happened.
func (h *HistoryEvent) Time() time.Time { return time.UnixMilli(h.Millis).UTC() }

// DetailsField is the name under which the API shows Details.
func (h *HistoryEvent) DetailsField() string {
	switch {
	case strings.HasSuffix(h.Type, "StateEntered"):
		return "stateEnteredEventDetails"
	case strings.HasSuffix(h.Type, "StateExited"):
		return "stateExitedEventDetails"
	default:
		return strings.ToLower(h.Type[:1]) + h.Type[1:] + "EventDetails"
	}
}

var notTruncated = map[string]any{"truncated": false}

// event appends to the history. Without a thread, the event belongs to the execution.
func (x *execution) event(t *thread, kind string, details map[string]any) {
	x.count.Seq++
	h := HistoryEvent{ID: x.count.Seq, Millis: x.e.now().UnixMilli(), Type: kind}
	if len(details) > 0 {
		h.Details = mustJSON(details)
	}
	if t != nil {
		h.PreviousID, t.Prev = t.Prev, h.ID
		x.touch(t)
	}
	x.events = append(x.events, h)
}

// mustJSON writes what always can be written: maps of strings, numbers and flags.
func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
