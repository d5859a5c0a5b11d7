// Package audit writes down what people change: who, what, what it was before and after, why, and in which request. An
// entry is stored in the same Save as the change that it tells of, so that there is neither without the other.
package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// Change is something that a person did to a record.
type Change struct {
	Actor  ops.Actor
	Action string  // "alert.acknowledge": what was done, as the table of rights calls it or closer
	Target ops.Ref // the record that was changed
	// Before and After are the record as it was and as it became: anything that is written as JSON, nil for none. Of two
	// objects only the members that differ are kept.
	Before, After any
	Reason        string
}

// Entry makes the entry of a change, sealed behind the last one of its target and not stored yet: the caller saves it
// together with the change. When two people change one target at once, one of the two Saves fails with a *ops.Conflict
// that names the entry: read everything again, and make a new entry.
func Entry(ctx context.Context, s ops.AuditStore, c Change, now time.Time) (*ops.AuditEntry, error) {
	last, err := s.LastAudit(ctx, c.Target)
	if err != nil {
		return nil, fmt.Errorf("find the last audit entry of %s: %w", c.Target, err)
	}
	return sealed(ctx, c, last, now)
}

// First is Entry for a record that the same Save makes: nothing can have been done to it before, so nothing is read.
func First(ctx context.Context, c Change, now time.Time) (*ops.AuditEntry, error) {
	return sealed(ctx, c, nil, now)
}

// noteTries is how often Note goes behind what others write to the same target at the same time.
const noteTries = 8

// Store is what Note needs of the store.
type Store interface {
	ops.Saver
	ops.AuditStore
}

// Note writes down what a person did that is no change of a record of ours: something that was sent or shown. It does not
// end a request that ctx carries, for it says nothing about whether that was done: see ops.KeyedRequest.
func Note(ctx context.Context, s Store, c Change, now time.Time) error {
	ctx = ops.WithRequest(ctx, nil)
	for try := 1; ; try++ {
		e, err := Entry(ctx, s, c, now)
		if err != nil {
			return err
		}
		if err = s.Save(ctx, e); err == nil {
			return nil
		}
		if ops.AsConflict(err) == nil || try == noteTries {
			return fmt.Errorf("write down %s of %s: %w", c.Action, c.Target, err)
		}
	}
}

func sealed(ctx context.Context, c Change, last *ops.AuditEntry, now time.Time) (*ops.AuditEntry, error) {
	before, err := members(c.Before)
	if err != nil {
		return nil, fmt.Errorf("write down %s before %s: %w", c.Target, c.Action, err)
	}
	after, err := members(c.After)
	if err != nil {
		return nil, fmt.Errorf("write down %s after %s: %w", c.Target, c.Action, err)
	}
	dropEqual(before, after)
	e := &ops.AuditEntry{
		Meta: ops.Meta{CreatedAt: now, UpdatedAt: now}, At: now, Actor: c.Actor, Action: c.Action, Target: c.Target,
		Reason: c.Reason, RequestID: RequestID(ctx),
	}
	if e.Before, err = written(before); err != nil {
		return nil, err
	}
	if e.After, err = written(after); err != nil {
		return nil, err
	}
	if err := e.Seal(last); err != nil {
		return nil, err
	}
	return e, nil
}

// internal are the members that an audit entry never shows: secrets, and what opsflow only tells itself.
var internal = []string{"token", "tokens", "timers", "lease", "write_id"}

// maxMember is how many bytes a member may have that is kept as it is; a longer one is kept as its size and hash.
const maxMember = 16 << 10

// members gives the members of what is written as a JSON object, shortened; nil for nothing. What is no object is one
// member named value.
func members(v any) (map[string]json.RawMessage, error) {
	if v == nil {
		return nil, nil //nolint:nilnil // documented: nothing
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(text, []byte("null")) {
		return nil, nil //nolint:nilnil // documented: nothing
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		all = map[string]json.RawMessage{"value": text}
	}
	for _, name := range internal {
		delete(all, name)
	}
	for name, value := range all {
		if len(value) <= maxMember {
			continue
		}
		sum := sha256.Sum256(value)
		if all[name], err = json.Marshal(map[string]any{"bytes": len(value), "sha256": hex.EncodeToString(sum[:])}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// dropEqual takes the members out of both objects that did not change.
func dropEqual(before, after map[string]json.RawMessage) {
	for name, value := range before {
		if other, ok := after[name]; ok && bytes.Equal(value, other) {
			delete(before, name)
			delete(after, name)
		}
	}
}

func written(object map[string]json.RawMessage) (json.RawMessage, error) {
	if object == nil {
		return nil, nil
	}
	return json.Marshal(object)
}

// Trail reads all entries of a target, oldest first: people change one record some ten times, not ten thousand.
func Trail(ctx context.Context, s ops.AuditStore, target ops.Ref) ([]*ops.AuditEntry, error) {
	var all []*ops.AuditEntry
	req := ops.PageRequest{Limit: ops.MaxPageLimit}
	for {
		page, err := s.AuditTrail(ctx, ops.AuditFilter{Target: target, PageRequest: req})
		if err != nil {
			return nil, fmt.Errorf("read the audit trail of %s: %w", target, err)
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all, nil
		}
		req.Cursor = page.NextCursor
	}
}

type requestIDKey struct{}

// WithRequestID gives a context in which entries name the request that they come from.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id of the request that ctx belongs to; "" for none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
