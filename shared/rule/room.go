package rule

import (
	"context"
	"errors"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// An event is decided in one transaction, which holds 100 records and 4 MB. Of the records three are spoken for: the event,
// where its delivery's id leads, and the alert of errNoRoom.
const (
	maxPlanned   = 97
	maxPlanBytes = 4<<20 - 400<<10 // less the event's own record
	recordBytes  = 6 << 10         // of a record, besides the event's detail, which it may hold too
)

// errNoRoom is why a rule that matched doesn't act: so many others that come before it do.
var errNoRoom = errors.New("the event brings about more than can be written at once")

// fits reports whether n more records can be written with the event.
func (p *plan) fits(n int) bool {
	n += len(p.records)
	return n <= maxPlanned && n*(recordBytes+len(p.event.Detail)) <= maxPlanBytes
}

// records is how many records the actions of a rule need at most.
func (r *ready) records() int {
	n := 0
	for i := range r.Actions {
		n++
		if a := &r.Actions[i]; a.OncePer != "" && (a.Type == ops.RaiseAlert || a.Type == ops.Escalate) {
			n++ // the alert, and that it was raised
		}
	}
	return n
}

// refuse decides about a rule for whose records there is no room. Of all of these on all events one alert tells: it isn't
// counted up, for they would wait for that one record.
func (p *plan) refuse(ctx context.Context, r *ready, leaf *ops.Leaf) (ops.Decision, error) {
	err := p.warnOnce(ctx, alert.Spec{
		Type: ops.AlertSystemError, Severity: ops.SeverityHigh, Key: "no-room/" + p.event.Type, Cause: p.cause(r),
		Title:  "More rules match an event than can act on it",
		Detail: "Rules of " + p.event.Type + " with a low priority didn't act: " + errNoRoom.Error() + ". The first was " + r.ID + ".",
	})
	return ops.Decision{Outcome: ops.Errored, Reason: errNoRoom.Error(), Leaf: leaf}, err
}
