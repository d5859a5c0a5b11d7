package ops

import (
	"context"
	"encoding/json"
	"time"
)

// AuditEntry is one change that a person made: append only, and chained by hash per subject of the change, so that a
// missing or altered entry shows.
type AuditEntry struct {
	Meta
	ID        string          `json:"id"`
	At        time.Time       `json:"at"`
	Actor     Actor           `json:"actor"`
	Action    string          `json:"action"` // "task.complete", "rule.mode"
	Target    Ref             `json:"target"`
	Seq       int64           `json:"seq"` // 1, 2, 3, ... of the target
	Before    json.RawMessage `json:"before,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	PrevHash  string          `json:"prev_hash"`
	Hash      string          `json:"hash"`
}

// Ref names the record.
func (a *AuditEntry) Ref() Ref { return Ref{KindAudit, a.ID} }

// AuditStore keeps audit entries.
type AuditStore interface {
	// LastAudit reads the newest entry of a target; nil when it has none.
	LastAudit(ctx context.Context, target Ref) (*AuditEntry, error)
	// AuditTrail lists a target's entries, oldest first; the zero Ref: everything, newest first.
	AuditTrail(ctx context.Context, target Ref, p PageRequest) (Page[*AuditEntry], error)
}
