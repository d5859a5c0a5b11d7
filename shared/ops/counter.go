package ops

import "context"

// Counter is a bounded count that is raised in the same Save as what it counts, exact under concurrency. Saving one adds
// Add to the stored value of ID, whatever its V, unless that would pass Max: then the Save fails with a Conflict that
// names the counter. Saved alone or with other records.
type Counter struct {
	Meta
	ID  string // "rule/quality-check/2026-11-24"
	Add int64
	Max int64 // 0: unbounded
}

// Ref names the record.
func (c *Counter) Ref() Ref { return Ref{KindCounter, c.ID} }

// CounterStore reads counters.
type CounterStore interface {
	// Count reads a counter's value; 0 when it was never raised.
	Count(ctx context.Context, id string) (int64, error)
}

// Cooldown marks that a rule acted for a subject, until it expires.
type Cooldown struct {
	Meta
	ID      string `json:"id"` // rule and subject
	RuleID  string `json:"rule"`
	EventID string `json:"event_id"`
}

// Ref names the record.
func (c *Cooldown) Ref() Ref { return Ref{KindCooldown, c.ID} }

// CooldownStore reads cooldowns.
type CooldownStore interface {
	// Cooldown reads one that has not expired; nil when there is none.
	Cooldown(ctx context.Context, id string) (*Cooldown, error)
}
