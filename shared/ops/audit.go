package ops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
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

// Seal makes the entry the next of its target behind last (nil: the first): it sets the id, the number in the chain and
// the hashes. What is sealed must not be changed.
func (a *AuditEntry) Seal(last *AuditEntry) error {
	a.Seq, a.PrevHash = 1, ""
	if last != nil {
		a.Seq, a.PrevHash = last.Seq+1, last.Hash
	}
	a.ID = HashID("aud-", a.Target.String(), strconv.FormatInt(a.Seq, 10))
	hash, err := a.hash()
	a.Hash = hash
	return err
}

// hash covers everything that the entry says, and the entry before it.
func (a *AuditEntry) hash() (string, error) {
	text, err := json.Marshal(struct {
		ID, Action, Reason, RequestID, PrevHash string
		At                                      time.Time
		Actor                                   Actor
		Target                                  Ref
		Seq                                     int64
		Before, After                           json.RawMessage
	}{a.ID, a.Action, a.Reason, a.RequestID, a.PrevHash, a.At.UTC(), a.Actor, a.Target, a.Seq, a.Before, a.After})
	if err != nil {
		return "", fmt.Errorf("hash audit entry %s: %w", a.ID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// VerifyTrail checks a target's entries, oldest first and from the first on: an entry that is missing, out of place or
// altered is an error that names it.
func VerifyTrail(entries []*AuditEntry) error {
	prev := ""
	for i, e := range entries {
		hash, err := e.hash()
		switch {
		case err != nil:
			return err
		case e.Seq != int64(i)+1:
			return fmt.Errorf("audit of %s: entry %d is missing", e.Target, i+1)
		case e.PrevHash != prev || e.Hash != hash:
			return fmt.Errorf("audit of %s: entry %d was altered", e.Target, e.Seq)
		}
		prev = e.Hash
	}
	return nil
}
