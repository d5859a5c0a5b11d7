package workflow

import (
	"context"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// When an instance should end follows from how long its steps took in earlier runs, as soon as there are enough of them, else
// from their estimates. Runs are noted as they complete, but only those that waited for somebody or something: of a workflow
// that is over within a minute nobody asks how long it takes, and it is not to cost more. A run that can't be noted is left out.

const (
	// enoughRuns is how many runs of a step tell more than its estimate.
	enoughRuns = 20
	// worthNoting is the shortest run that is noted.
	worthNoting = time.Minute
	// keepDurations is how long a process goes by the durations that it has read.
	keepDurations = 10 * time.Minute
)

// durations are a template's, as they were read at a time.
type durations struct {
	*ops.Durations
	at time.Time
}

// durationsOf gives how long the steps of a template took; nil when that can't be read, or when it only has automated steps.
func (e *Engine) durationsOf(ctx context.Context, p *plan) *ops.Durations {
	if len(p.waits) == 0 {
		return nil
	}
	now, name := e.Clock.Now(), p.template.Name
	if kept, ok := e.took.Load(name); ok {
		if d, ok := kept.(durations); ok && now.Sub(d.at) < keepDurations {
			return d.Durations
		}
	}
	d, err := e.Store.Durations(ctx, name)
	if err != nil {
		e.Logger.WarnContext(ctx, "how long steps took can't be read; their estimates count", "template", name, "error", err)
		return nil
	}
	e.took.Store(name, durations{d, now})
	return d
}

// learn notes how long the steps of a completed instance took.
func (e *Engine) learn(ctx context.Context, i *ops.Instance) {
	if i.Status != ops.InstanceCompleted || i.EndedAt.Sub(i.StartedAt) < worthNoting {
		return
	}
	d, err := e.Store.Durations(ctx, i.Template)
	if err == nil {
		d.Note(i)
		err = e.Store.Save(ctx, d)
	}
	if err != nil && ops.AsConflict(err) == nil { // another run was noted instead
		e.Logger.WarnContext(ctx, "how long the steps of a workflow took is not noted", "instance", i.ID, "error", err)
	}
}

// expect sets when an instance should end: half of the runs like it would have by ETA, and nine of ten by ETAP90.
func (e *Engine) expect(ctx context.Context, p *plan, i *ops.Instance) {
	d, now := e.durationsOf(ctx, p), e.Clock.Now()
	i.ETA = p.eta(i, e.Calendar, now, d, 0.5)
	i.ETAP90 = time.Time{}
	if d != nil && p.known(d) {
		i.ETAP90 = p.eta(i, e.Calendar, now, d, 0.9)
	}
}

// known reports whether there were enough runs of any of the steps.
func (p *plan) known(d *ops.Durations) bool {
	for n := range p.steps {
		if d.Steps[p.steps[n].ID].Count() >= enoughRuns {
			return true
		}
	}
	return false
}

// eta is when an instance should end: each step that is not over takes as long as a part q of its earlier runs, or its
// estimate, once all that it needs is over. What takes longer than that should end at once.
func (p *plan) eta(i *ops.Instance, c *calendar.Calendar, now time.Time, d *ops.Durations, q float64) time.Time {
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
		takes := time.Duration(s.Minutes()) * time.Minute
		often := d != nil && d.Steps[s.ID].Count() >= enoughRuns
		if often {
			takes = d.Steps[s.ID].Quantile(q)
		}
		end := begin.Add(takes)
		switch {
		case !rec.WaitUntil.IsZero() && (s.Kind == ops.StepDelay || !often):
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
