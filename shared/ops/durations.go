package ops

import (
	"context"
	"math"
	"time"
)

// Durations are how long the steps of a template's completed workflows took, of all its versions.
type Durations struct {
	Meta
	Template string               `json:"template"`
	Steps    map[string]Histogram `json:"steps,omitempty"` // by step
}

// Ref names the record.
func (d *Durations) Ref() Ref { return Ref{KindDurations, d.Template} }

// Note adds how long the completed steps of a workflow took.
func (d *Durations) Note(i *Instance) {
	if d.Steps == nil {
		d.Steps = map[string]Histogram{}
	}
	for _, s := range i.Steps {
		if s.Status != StepCompleted || s.StartedAt.IsZero() {
			continue
		}
		if d.Steps[s.ID] == nil {
			d.Steps[s.ID] = Histogram{}
		}
		d.Steps[s.ID].Add(s.FinishedAt.Sub(s.StartedAt))
	}
}

const (
	// perDoubling is how many buckets a histogram has for each doubling: each is a fifth wider than the one before.
	perDoubling = 4
	// maxCounted is after how many durations the older ones count half.
	maxCounted = 1000
)

// Histogram counts durations by their size.
type Histogram map[int]int

// Add counts a duration. Of many, the older ones count less, for work changes.
func (h Histogram) Add(d time.Duration) {
	if h.Count() >= maxCounted {
		for bucket, n := range h {
			if h[bucket] = n / 2; h[bucket] == 0 {
				delete(h, bucket)
			}
		}
	}
	h[int(math.Ceil(perDoubling*math.Log2(1+max(0, d.Seconds()))))]++
}

// Count is how many durations count.
func (h Histogram) Count() int {
	n := 0
	for _, c := range h {
		n += c
	}
	return n
}

// Quantile is the duration that a part q (0 to 1) of those counted do not exceed, up to a fifth too long; 0 when there are none.
func (h Histogram) Quantile(q float64) time.Duration {
	rank := int(math.Ceil(q * float64(h.Count())))
	last := 0
	for bucket := range h {
		last = max(last, bucket)
	}
	for bucket := range last + 1 {
		if rank -= h[bucket]; rank <= 0 {
			return time.Duration((math.Exp2(float64(bucket)/perDoubling) - 1) * float64(time.Second))
		}
	}
	return 0
}

// DurationStore keeps durations.
type DurationStore interface {
	// Durations reads a template's, consistently; empty ones when no workflow of it was noted yet.
	Durations(ctx context.Context, template string) (*Durations, error)
}
