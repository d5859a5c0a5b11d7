package vendor

import (
	"math"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// The keys of facts in a piece of evidence; those that there can be several of go on with an id.
const (
	factCompleted = "completed"
	factAssigned  = "assigned:"
	factComplaint = "complaint:"
	factReview    = "review:"
	factAnswer    = "answer:"
	factMeasured  = "measured"
)

// onTime is how much later than promised is still punctual.
const onTime = 15 * time.Minute

// complaintCap is the most that customers can have been satisfied, in percent, with work that they complained of.
var complaintCap = map[string]float64{"low": 60, "medium": 40, "high": 20, "critical": 0}

// place is where an observation is counted.
type place struct {
	vendor, month string
	kind          ops.MetricType
}

// Two sums beside the metrics: over all time.
const (
	stars   ops.MetricType = "stars"
	minutes ops.MetricType = "minutes"
)

// observations are what a piece of evidence amounts to.
type observations map[place]ops.Sums

func (o observations) add(vendorID string, at time.Time, kind ops.MetricType, value float64, n, weight int64) {
	if vendorID == "" {
		return
	}
	p := place{vendorID, at.UTC().Format(monthLayout), kind}
	s := o[p]
	o[p] = ops.Sums{N: s.N + n, W: s.W + weight, S: s.S + weight*int64(math.Round(100*value))}
}

// observe computes what evidence amounts to: from all of its facts at once, so that their order does not matter.
func observe(e *ops.Evidence) observations {
	o := observations{}
	done, completed := e.Facts[factCompleted]
	owner := done.VendorID
	var last ops.Fact
	for key, f := range e.Facts {
		if strings.HasPrefix(key, factAssigned) && (f.At.After(last.At) || f.At.Equal(last.At) && f.VendorID > last.VendorID) {
			last = f
		}
	}
	if !completed {
		owner = last.VendorID
	}
	worst := map[string]ops.Fact{} // the worst complaint about each vendor
	for key, f := range e.Facts {
		switch {
		case strings.HasPrefix(key, factAssigned) && f.VendorID != owner:
			o.add(f.VendorID, f.Done, ops.CompletionRate, 0, 1, 1) // it went to somebody else
		case strings.HasPrefix(key, factReview):
			o.add(f.VendorID, f.Done, ops.QualityScore, f.Percent, 1, 1)
		case strings.HasPrefix(key, factAnswer):
			o.answer(f)
		case key == factMeasured:
			o.add(f.VendorID, f.Done, f.Type, f.Percent, int64(max(1, f.Points)), int64(max(1, f.Points)))
		case strings.HasPrefix(key, factComplaint):
			if f.VendorID == "" {
				f.VendorID = owner
			}
			w, ok := worst[f.VendorID]
			if a, b := limitOf(f), limitOf(w); !ok || a < b || a == b && f.Done.Before(w.Done) {
				worst[f.VendorID] = f
			}
		}
	}
	if completed {
		o.work(done, worst)
		delete(worst, done.VendorID)
	}
	for id, f := range worst {
		o.add(id, f.Done, ops.CustomerSatisfaction, limitOf(f), 1, 1)
	}
	return o
}

func limitOf(complaint ops.Fact) float64 {
	if limit, ok := complaintCap[complaint.Severity]; ok {
		return limit
	}
	return complaintCap["medium"]
}

// work counts a completed service.
func (o observations) work(f ops.Fact, complaints map[string]ops.Fact) {
	o.add(f.VendorID, f.Done, ops.CompletionRate, 100, 1, 1)
	o.add(f.VendorID, f.Done, ops.ExpertiseLevel, 100, 1, 1)
	if !f.Promised.IsZero() {
		late := f.Done.After(f.Promised)
		if !f.Started.IsZero() { // who says when it began was promised a beginning
			late = f.Started.After(f.Promised.Add(onTime))
		}
		o.add(f.VendorID, f.Done, ops.Punctuality, percent(!late), 1, 1)
	}
	complaint, complained := complaints[f.VendorID]
	if f.Rating == nil && !complained {
		return
	}
	satisfied := 100.0
	if f.Rating != nil {
		satisfied = *f.Rating / maxStars * 100
		o.add(f.VendorID, time.Time{}, stars, *f.Rating, 1, 1)
	}
	if complained {
		satisfied = min(satisfied, limitOf(complaint))
	}
	o.add(f.VendorID, f.Done, ops.CustomerSatisfaction, satisfied, 1, 1)
	if f.Value > 0 {
		o.add(f.VendorID, f.Done, ops.CostEffectiveness, satisfied, 1, int64(math.Ceil(f.Value)))
	}
}

// answer counts the answer to an offer; one that expired took as long as the slowest.
func (o observations) answer(f ops.Fact) {
	took := min(f.Minutes, slowMinutes)
	switch f.Answer {
	case ops.ReplyPassed:
		return
	case ops.ReplyExpired:
		took = slowMinutes
	case ops.ReplyAccepted, ops.ReplyDeclined:
	}
	o.add(f.VendorID, f.Done, ops.Availability, percent(f.Answer == ops.ReplyAccepted), 1, 1)
	o.add(f.VendorID, f.Done, ops.ResponseTime, 100*(1-took/slowMinutes), 1, 1)
	o.add(f.VendorID, time.Time{}, minutes, took, 1, 1)
}

func percent(yes bool) float64 {
	if yes {
		return 100
	}
	return 0
}
