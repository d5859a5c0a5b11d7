package workflow

import (
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// eta is when an instance should end: each step that is not over takes its estimate, once all that it needs is over. What
// takes longer than its estimate should end at once.
func (p *plan) eta(i *ops.Instance, c *calendar.Calendar, now time.Time) time.Time {
	ends := make(map[string]time.Time, len(p.steps))
	last := now
	for n := range p.steps { // in an order in which each comes after all that it needs
		s := &p.steps[n]
		rec := i.Step(s.ID)
		if rec == nil || rec.Status.Ended() {
			continue
		}
		begin := now
		for _, id := range s.needs {
			if ends[id].After(begin) {
				begin = ends[id]
			}
		}
		if !rec.StartedAt.IsZero() {
			begin = rec.StartedAt
		}
		end := begin.Add(time.Duration(s.Minutes()) * time.Minute)
		switch {
		case !rec.WaitUntil.IsZero():
			end = rec.WaitUntil
		case s.Kind == ops.StepDelay && !s.For.IsZero():
			end = c.Deadline(begin, s.For)
		}
		if end.Before(now) {
			end = now
		}
		ends[s.ID] = end
		if end.After(last) {
			last = end
		}
	}
	return last
}
