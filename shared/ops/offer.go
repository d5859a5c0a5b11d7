package ops

import (
	"encoding/json"
	"slices"
	"time"
)

// Reply is what became of one vendor's turn in an offer.
type Reply string

// The replies. An empty one: the vendor is being asked now.
const (
	ReplyAccepted Reply = "accepted"
	ReplyDeclined Reply = "declined"
	ReplyExpired  Reply = "expired" // no answer in time
	ReplyPassed   Reply = "passed"  // not asked, or too late: it could not take the booking any more
)

// Offer is what a task that is an offer to vendors knows besides. Vendors are asked one after the other, each for as long
// as For; the task is over when one accepts or nobody is left.
type Offer struct {
	BookingID string `json:"booking_id,omitempty"`
	Day       string `json:"day,omitempty"` // of the service, YYYY-MM-DD, whose capacity it takes; empty: not known
	// Details is what a vendor needs to know of the booking.
	Details map[string]json.RawMessage `json:"details,omitempty"`
	// For is how long each vendor has.
	For Duration `json:"for"`
	// Waiting are those who were not asked yet, the best first.
	Waiting []Turn `json:"waiting,omitempty"`
	// Turns are those whose turn came, in order; the last one is being asked while the task is open.
	Turns []Turn `json:"turns,omitempty"`
}

// Turn is one vendor's part in an offer.
type Turn struct {
	VendorID   string    `json:"vendor_id"`
	Score      float64   `json:"score,omitempty"` // in the ranking, 0 to 100
	AskedAt    time.Time `json:"asked_at,omitzero"`
	Until      time.Time `json:"until,omitzero"` // when the offer expires
	Answer     Reply     `json:"answer,omitempty"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	AnsweredBy string    `json:"answered_by,omitempty"` // the vendor, who answered for it, or opsflow
	Comment    string    `json:"comment,omitempty"`
}

// Now is the turn of the vendor that is being asked; nil when nobody is.
func (o *Offer) Now() *Turn {
	if n := len(o.Turns); n > 0 && o.Turns[n-1].Answer == "" {
		return &o.Turns[n-1]
	}
	return nil
}

// Asked reports whether a vendor's turn has come, or came.
func (o *Offer) Asked(vendorID string) bool {
	return slices.ContainsFunc(o.Turns, func(t Turn) bool { return t.VendorID == vendorID && !t.AskedAt.IsZero() })
}

// Accepted is the turn of the vendor that took the booking; nil when none did.
func (o *Offer) Accepted() *Turn {
	if n := len(o.Turns); n > 0 && o.Turns[n-1].Answer == ReplyAccepted {
		return &o.Turns[n-1]
	}
	return nil
}

// The outcomes of a task that is an offer.
const (
	OutcomeAccepted = "accepted"
	OutcomeDeclined = "declined" // of one vendor's turn: the next one's begins
	OutcomeNobody   = "nobody"   // everybody was asked
)

// TimerOffer is set while a vendor is asked: when its time is over.
const TimerOffer = "offer"

// MinOffer and MaxOffer are the shortest and the longest time that a vendor can have to answer an offer.
const (
	MinOffer = time.Minute
	MaxOffer = 7 * 24 * time.Hour
)

// OfferStep says how an assignment step offers its booking to vendors.
type OfferStep struct {
	// To is a path to the ranking: a list of objects with vendor_id, score and, for those who are left out, excluded.
	To string `json:"to"`
	// Expires is how long each vendor has to answer, in clock time.
	Expires Duration `json:"expires"`
}

// Candidates reads a ranking: those who are not left out, in order.
func Candidates(ranking json.RawMessage) ([]Turn, error) {
	var ranked []Candidate
	if len(ranking) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(ranking, &ranked); err != nil {
		return nil, Errorf(CodeInvalid, "the ranking is no list of vendors: %w", err)
	}
	var turns []Turn
	for _, c := range ranked {
		if c.Excluded == "" && ValidID(c.VendorID) {
			turns = append(turns, Turn{VendorID: c.VendorID, Score: c.Score})
		}
	}
	return turns, nil
}
