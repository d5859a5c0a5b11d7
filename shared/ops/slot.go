package ops

import (
	"context"
	"strconv"
)

// Slots counts the instances of a template with max_parallel_instances that have a slot, and its queue. All versions of the
// template share it. It is written in the Save of every instance that takes a slot, joins the queue or gives its slot up, so
// that the count is exact and nobody overtakes.
type Slots struct {
	Meta
	Template string `json:"template"`
	Used     int    `json:"used"`
	// Places are given out from 1 on. Those after Served and up to Given wait; one whose instance waits no more is passed over.
	Given  int64 `json:"given"`
	Served int64 `json:"served"`
}

// Ref names the record.
func (s *Slots) Ref() Ref { return Ref{KindSlots, s.Template} }

// Place tells which instance has a place in the queue for a template's slots.
type Place struct {
	Meta
	Template   string `json:"template"`
	Number     int64  `json:"number"`
	InstanceID string `json:"instance"`
}

// Ref names the record.
func (p *Place) Ref() Ref { return Ref{KindPlace, PlaceID(p.Template, p.Number)} }

// PlaceID is the id of a place.
func PlaceID(template string, number int64) string {
	return template + ":" + strconv.FormatInt(number, 10)
}

// SlotStore keeps slots and the queues for them.
type SlotStore interface {
	// Slots reads a template's, consistently; the zero value, unsaved, when nobody took a slot yet.
	Slots(ctx context.Context, template string) (*Slots, error)
	// Place reads one place of a queue, consistently. CodeNotFound.
	Place(ctx context.Context, template string, number int64) (*Place, error)
}
