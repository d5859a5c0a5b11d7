package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Evidence is everything known of one piece of work that says something about vendors: a booking ("booking/bk-1"), an offer
// ("offer/tsk-..."), a single measurement ("event/evt-..."). What it amounts to is computed from the whole record, so that
// neither the order nor the number of arrivals of its facts matters.
type Evidence struct {
	Meta
	ID    string          `json:"id"`
	Facts map[string]Fact `json:"facts"`
}

// Ref names the record.
func (e *Evidence) Ref() Ref { return Ref{KindEvidence, e.ID} }

// Fact is one thing that is known: that a booking was completed, complained of, reviewed, an offer answered.
type Fact struct {
	At       time.Time  `json:"at"`           // when the event says that it happened
	By       string     `json:"by,omitempty"` // the event's identity
	VendorID string     `json:"vendor_id,omitempty"`
	Done     time.Time  `json:"done"` // the time that it counts for
	Promised time.Time  `json:"promised,omitzero"`
	Started  time.Time  `json:"started,omitzero"`
	Value    float64    `json:"value,omitempty"`  // of the service, in major units
	Rating   *float64   `json:"rating,omitempty"` // 0 to 5 stars
	Severity string     `json:"severity,omitempty"`
	Type     MetricType `json:"type,omitempty"`    // of a measurement
	Percent  float64    `json:"percent,omitempty"` // of a measurement or review
	Points   int        `json:"points,omitempty"`  // how many observations a measurement stands for; 0: 1
	Answer   Reply      `json:"answer,omitempty"`  // of an offer
	Minutes  float64    `json:"minutes,omitempty"` // that the answer took
}

// Learn takes a fact over unless a later one is known under its key, and reports whether it did. Of two of the same time
// and event the greater text wins: any order of arrival ends the same.
func (e *Evidence) Learn(key string, f Fact) bool {
	old, ok := e.Facts[key]
	if ok && cmp.Or(f.At.Compare(old.At), strings.Compare(f.By, old.By), strings.Compare(f.text(), old.text())) <= 0 {
		return false
	}
	if e.Facts == nil {
		e.Facts = map[string]Fact{}
	}
	e.Facts[key] = f
	return true
}

func (f Fact) text() string {
	b, _ := json.Marshal(f) //nolint:errchkjson // texts, times and finite numbers
	return string(b)
}

// Sums are the exact sums over some observations: whole numbers, so that adding and taking back in any order ends the same.
type Sums struct {
	N int64 `json:"n"` // observations
	W int64 `json:"w"` // their weights
	S int64 `json:"s"` // their weights times their values in hundredths
}

// Tally is what all evidence on a vendor comes to. One record per vendor; it changes in the transaction that changes the
// evidence, by the difference.
type Tally struct {
	Meta
	VendorID string `json:"vendor_id"`
	// Months holds the sums by month (YYYY-MM) and measure.
	Months map[string]map[MetricType]Sums `json:"months"`
	// Stars and Minutes are over all time: ratings, and how long answers to offers took.
	Stars   Sums `json:"stars"`
	Minutes Sums `json:"minutes"`
	// Base is what the vendor's record said before there was evidence; nil while there is no such record.
	Base *TallyBase `json:"base,omitempty"`
	// Levels are those that the vendor was told to be at last: an alert is raised when one falls.
	Levels map[MetricType]Level `json:"levels,omitempty"`
}

// TallyBase is what a vendor began with.
type TallyBase struct {
	Rating          float64 `json:"rating"`
	Ratings         int     `json:"ratings"`
	ResponseMinutes float64 `json:"response_minutes"`
}

// Ref names the record.
func (t *Tally) Ref() Ref { return Ref{KindTally, t.VendorID} }

// EvidenceStore keeps evidence and what it comes to.
type EvidenceStore interface {
	// Evidence reads one, consistently; an empty one with V 0 when nothing is known.
	Evidence(ctx context.Context, id string) (*Evidence, error)
	// Tally reads a vendor's, consistently; an empty one with V 0 when there is none.
	Tally(ctx context.Context, vendorID string) (*Tally, error)
	// Metric reads one, consistently. CodeNotFound.
	Metric(ctx context.Context, id string) (*Metric, error)
}
