package ops

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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

// AuditFilter narrows a list of entries. Zero fields match everything.
type AuditFilter struct {
	Target Ref
	Actor  string // the id of who made the changes
	PageRequest
}

// AuditStore keeps audit entries.
type AuditStore interface {
	// LastAudit reads the newest entry of a target; nil when it has none.
	LastAudit(ctx context.Context, target Ref) (*AuditEntry, error)
	// AuditTrail lists a target's entries, oldest first; without a target all entries, newest first.
	AuditTrail(ctx context.Context, f AuditFilter) (Page[*AuditEntry], error)
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

// hash covers everything that the entry says, and the entry before it. Before and after are taken as values, not as texts:
// a table may write the members of an object in another order, and 1.50 as 1.5.
func (a *AuditEntry) hash() (string, error) {
	before, err := Canonical(a.Before)
	if err != nil {
		return "", fmt.Errorf("hash audit entry %s: %w", a.ID, err)
	}
	after, err := Canonical(a.After)
	if err != nil {
		return "", fmt.Errorf("hash audit entry %s: %w", a.ID, err)
	}
	text, err := json.Marshal(struct {
		ID, Action, Reason, RequestID, PrevHash string
		At                                      time.Time
		Actor                                   Actor
		Target                                  Ref
		Seq                                     int64
		Before, After                           json.RawMessage
	}{a.ID, a.Action, a.Reason, a.RequestID, a.PrevHash, a.At.UTC(), a.Actor, a.Target, a.Seq, before, after})
	if err != nil {
		return "", fmt.Errorf("hash audit entry %s: %w", a.ID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Canonical is the one way to write a JSON value, for comparing: members in the order of their names, numbers without what is
// only their spelling. Nothing for nothing.
func Canonical(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(canonicalNumbers(v))
}

func canonicalNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = canonicalNumbers(member)
		}
	case []any:
		for i, member := range v {
			v[i] = canonicalNumbers(member)
		}
	case json.Number:
		return canonicalNumber(v.String())
	}
	return v
}

// canonicalNumber writes a JSON number as its digits without zeros around them and a power of ten: 150 and 1.50E2 are
// both "number 15E1".
func canonicalNumber(text string) string {
	digits, exponent, _ := strings.Cut(strings.ToUpper(text), "E")
	power, err := strconv.ParseInt(exponent, 10, 64)
	if exponent != "" && err != nil {
		return "number " + text // beyond what any table keeps
	}
	digits, negative := strings.CutPrefix(digits, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	power -= int64(len(fraction))
	trimmed := strings.TrimRight(digits, "0")
	power += int64(len(digits) - len(trimmed))
	switch {
	case trimmed == "":
		return "number 0"
	case negative:
		trimmed = "-" + trimmed
	}
	return "number " + trimmed + "E" + strconv.FormatInt(power, 10)
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
