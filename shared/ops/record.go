package ops

import (
	"context"
	"time"
)

// Kind names a kind of record. It is the first part of every storage key.
type Kind string

// The kinds of records.
const (
	KindEvent        Kind = "event"
	KindDelivery     Kind = "delivery" // envelope id -> event
	KindSubject      Kind = "subject"
	KindRule         Kind = "rule"
	KindRuleSet      Kind = "ruleset" // the one record whose version tells that stored rules changed
	KindRuleVersion  Kind = "ruleversion"
	KindRuleTally    Kind = "ruletally"
	KindCounter      Kind = "counter"
	KindCooldown     Kind = "cooldown"
	KindAction       Kind = "action" // a rule's action that waits for its time
	KindTemplate     Kind = "template"
	KindInstance     Kind = "instance"
	KindSlots        Kind = "slots"
	KindPlace        Kind = "place" // in the queue for a slot
	KindTask         Kind = "task"
	KindAlert        Kind = "alert"
	KindNotification Kind = "notification"
	KindVendor       Kind = "vendor"
	KindMetric       Kind = "metric"
	KindAudit        Kind = "audit"
	KindMember       Kind = "member"
	KindConnection   Kind = "connection"
	KindWatches      Kind = "watches" // what templates watch
	KindBulk         Kind = "bulk"
	KindBulkChunk    Kind = "bulkchunk" // some of a bulk operation's items
	KindBacktest     Kind = "backtest"
	KindBacktestPage Kind = "backtestpage" // some of a backtest's result
	KindEvidence     Kind = "evidence"     // of vendors' work
	KindTally        Kind = "tally"        // what evidence on a vendor comes to
	KindAssignment   Kind = "assignment"   // booking -> vendor
	KindUndelivered  Kind = "undelivered"
	KindRequest      Kind = "request" // under an Idempotency-Key

	KindUndeliveredSource Kind = "undeliveredsource" // how much is open of one function
	KindDurations         Kind = "durations"         // of the steps of a template
	KindWaiter            Kind = "waiter"            // event and key -> the step that waits for it
	KindCurrentTemplate   Kind = "currenttemplate"   // template -> the version that starts
)

// Ref names one record.
type Ref struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

func (r Ref) String() string { return string(r.Kind) + " " + r.ID }

// Meta is what every record carries. Embed it; Save keeps V, the domain sets the rest.
type Meta struct {
	// V counts the writes of this record; 0: not stored yet. Save writes a record only if the stored one still has
	// this V, and raises it.
	V         int64     `json:"version"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// Timers are the times at which sweep-due must look at this record, by what for. The earliest is the record's
	// place in the wake index; precision is one minute.
	Timers map[string]time.Time `json:"timers,omitempty"`
	// ExpiresAt is when the record counts as absent, whether the table has deleted it or not. Zero: never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Held are the timers of a record whose time stands still, as they were when it was held.
	Held map[string]time.Time `json:"held,omitempty"`
}

// Hold stops all timers until Unhold.
func (m *Meta) Hold() {
	if len(m.Timers) > 0 {
		m.Timers, m.Held = nil, m.Timers
	}
}

// Unhold sets the timers again that Hold stopped, later by the time that they stood still.
func (m *Meta) Unhold(later time.Duration) {
	for name, at := range m.Held {
		m.SetTimer(name, at.Add(later))
	}
	m.Held = nil
}

// RecordMeta gives Save access to the embedded Meta.
func (m *Meta) RecordMeta() *Meta { return m }

// SetTimer sets or moves a timer.
func (m *Meta) SetTimer(name string, at time.Time) {
	if m.Timers == nil {
		m.Timers = map[string]time.Time{}
	}
	m.Timers[name] = at
}

// ClearTimer removes a timer, if it is set.
func (m *Meta) ClearTimer(name string) { delete(m.Timers, name) }

// WakeAt is the earliest timer; zero when none is set.
func (m *Meta) WakeAt() time.Time {
	var first time.Time
	for _, t := range m.Timers {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// Record is anything that Save can write: a pointer to a domain type that embeds Meta.
type Record interface {
	Ref() Ref
	RecordMeta() *Meta
}

// Saver writes records.
type Saver interface {
	// Save writes all records or none. Each record must be as it was read: its V is compared with the stored one
	// (0: no such record may exist; an expired one counts as absent), and a Counter must have room. On success every
	// V is raised by one. Otherwise nothing is written and the error is a *Conflict naming every record that lost.
	// A Save that was applied but whose answer was lost, and that is tried again by the driver, is a success.
	// Up to 100 records and 4 MB at once, 400 KB each (CodeTooLarge). One record costs one write; more are a
	// transaction, which costs two writes each.
	Save(ctx context.Context, records ...Record) error
	// Delete removes records under the same condition as Save.
	Delete(ctx context.Context, records ...Record) error
}

// Shards is the number of partitions that each list, queue and wake index is spread over. Fixed after the first
// deploy: a record's shard is computed from its id.
const Shards = 4

// Waker finds the records whose time has come.
type Waker interface {
	// Due lists records of one shard (0 to Shards-1) whose earliest timer is at or before now, earliest first, at
	// most limit. The index may be seconds behind: read the record again before acting on it.
	Due(ctx context.Context, shard int, now time.Time, limit int) ([]Ref, error)
	// PutOff has a record that is due looked at again only at the time that until makes of its earliest timer, which stays.
	// Whoever writes the record has it looked at when its timers say. It does nothing for a record without a timer, or that is
	// gone; the error is a *Conflict when somebody else wrote the record meanwhile.
	PutOff(ctx context.Context, ref Ref, until func(due time.Time) time.Time) error
}
