package workflow

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// A template with max_parallel_instances has that many slots. An instance takes one before its execution is started, or
// joins the queue, in one Save with the count of slots (ops.Slots), whose version orders everybody; each Save that ends an
// instance gives its slot up and starts the first of the queue. So there are never more than the template allows, and nobody
// overtakes. The price is that such a template's starts and ends are written one after the other.

// needsSlot reports whether an instance has neither a slot, which it needs to begin, nor a place in the queue.
func needsSlot(i *ops.Instance) bool {
	return i.Status == ops.InstancePending && !i.Slot && i.Place == 0 && i.WaitingFor != nil && i.WaitingFor.Kind == ops.WaitSlot
}

// queued reports whether an instance waits for a slot.
func queued(i *ops.Instance) bool {
	return i.Status == ops.InstancePending && !i.Slot && i.Place != 0
}

// admit stores an instance that is to begin, with all that goes with it: with a slot, or with a place in the queue. One
// whose template has no limit is just stored. Lost are whichever records somebody else wrote first, as for Save.
func (e *Engine) admit(ctx context.Context, i *ops.Instance, with ...ops.Record) error {
	if !needsSlot(i) {
		return e.Store.Save(ctx, append([]ops.Record{i}, with...)...)
	}
	limit, err := e.limit(ctx, i)
	if err != nil {
		return err
	}
	var slots *ops.Slots
	return e.saveSlots(ctx, i, with, func() ([]ops.Record, error) {
		if slots, err = e.Store.Slots(ctx, i.Template); err != nil {
			return nil, err
		}
		now := e.Clock.Now()
		i.Slot, i.Place = false, 0
		if slots.Used < limit && slots.Served == slots.Given {
			slots.Used++
			e.seat(i)
			return []ops.Record{slots}, nil
		}
		slots.Given++
		i.Place = slots.Given
		i.ClearTimer(ops.TimerStart)
		i.SetTimer(ops.TimerSlot, now.Add(claimFor))
		i.WaitFor(ops.WaitingFor{Kind: ops.WaitSlot, Since: now, Ref: strconv.FormatInt(i.Place, 10)})
		return []ops.Record{slots, &ops.Place{Template: i.Template, Number: i.Place, InstanceID: i.ID}}, nil
	})
}

// seat gives a slot to a pending instance: its execution can be started.
func (e *Engine) seat(i *ops.Instance) {
	now := e.Clock.Now()
	i.Slot, i.Place, i.UpdatedAt = true, 0, now
	i.WaitFor(ops.WaitingFor{Kind: ops.WaitStart, Since: now})
	i.ClearTimer(ops.TimerSlot)
	i.SetTimer(ops.TimerStart, now.Add(startWithin))
}

// save stores an instance with all that goes with it. If it has ended, its slot goes to the first of the queue, which is
// started; if a later attempt completed it, the alert of its failure is resolved.
func (e *Engine) save(ctx context.Context, i *ops.Instance, with ...ops.Record) error {
	if i.Status.Ended() {
		i.Asked, i.ETA, i.ETAP90 = nil, time.Time{}, time.Time{}
	}
	if i.Status == ops.InstanceCompleted && i.Attempt > 1 {
		a, err := alert.Over(ctx, e.Store, failureOf(i), fmt.Sprintf("completed on attempt %d", i.Attempt), e.Clock.Now())
		if err != nil {
			return fmt.Errorf("resolve the alert of workflow %s: %w", i.ID, err)
		}
		if a != nil {
			with = append(slices.Clone(with), a)
		}
	}
	if !i.Slot || !i.Status.Ended() {
		return e.Store.Save(ctx, append([]ops.Record{i}, with...)...)
	}
	var next *ops.Instance
	i.Slot = false
	err := e.saveSlots(ctx, i, with, func() ([]ops.Record, error) {
		slots, err := e.Store.Slots(ctx, i.Template)
		if err != nil {
			return nil, err
		}
		slots.Used = max(0, slots.Used-1)
		var records []ops.Record
		if next, records, err = e.promote(ctx, slots); err != nil {
			return nil, err
		}
		return append(records, slots), nil
	})
	if err != nil {
		i.Slot = true
		return err
	}
	e.begin(ctx, next)
	return nil
}

// saveSlots stores an instance with what goes with it and with what change makes of the slots, again when only that was
// written by somebody else.
func (e *Engine) saveSlots(
	ctx context.Context, i *ops.Instance, with []ops.Record, change func() ([]ops.Record, error),
) error {
	own := append([]ops.Record{i}, with...)
	var overtaken error
	err := e.retrier.Do(ctx, "change the slots of template "+i.Template, func() error {
		more, err := change()
		if err != nil {
			return err
		}
		err = e.Store.Save(ctx, append(slices.Clone(own), more...)...)
		lost := ops.AsConflict(err)
		if lost != nil && slices.ContainsFunc(own, func(r ops.Record) bool { return lost.Has(r.Ref()) }) {
			overtaken = err
			return nil
		}
		return err
	})
	if ops.AsConflict(err) != nil {
		return ops.Errorf(ops.CodeUnavailable, "the slots of template %s are being changed too often: %v", i.Template, err)
	}
	if overtaken != nil {
		return overtaken
	}
	return err
}

// promote gives a free slot to the first of the queue that still waits; nil when there is none. The records are to be saved
// with the slots.
func (e *Engine) promote(ctx context.Context, slots *ops.Slots) (*ops.Instance, []ops.Record, error) {
	for slots.Served < slots.Given {
		place, err := e.Store.Place(ctx, slots.Template, slots.Served+1)
		if ops.ErrorCode(err) == ops.CodeNotFound {
			slots.Served++ // by somebody since slots was read, which then can't be saved
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		i, err := e.Store.Instance(ctx, place.InstanceID)
		if err != nil {
			return nil, nil, err
		}
		if !queued(i) || i.Place != place.Number { // cancelled, or put off
			slots.Served++
			continue
		}
		limit, err := e.limit(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		if slots.Used >= limit {
			return nil, nil, nil
		}
		slots.Used++
		slots.Served++
		place.ExpiresAt = e.Clock.Now() // served: the table may delete it
		e.seat(i)
		return i, []ops.Record{i, place}, nil
	}
	return nil, nil, nil
}

// begin starts the execution of an instance that was promoted; nil is nobody.
func (e *Engine) begin(ctx context.Context, i *ops.Instance) {
	if i == nil {
		return
	}
	if err := e.Launch(ctx, i); err != nil {
		e.Logger.WarnContext(ctx, "execution not started; sweep-due will", "instance", i.ID, "error", err)
	}
}

// recheck starts the first of the queue that an instance waits in, should there be a free slot after all: because a new
// version allows more, for one.
func (e *Engine) recheck(ctx context.Context, template string) error {
	slots, err := e.Store.Slots(ctx, template)
	if err != nil {
		return err
	}
	before := slots.Served
	next, records, err := e.promote(ctx, slots)
	if err != nil || slots.Served == before {
		return err
	}
	if err := e.Store.Save(ctx, append(records, slots)...); err != nil {
		return fmt.Errorf("start the next workflow of template %s: %w", template, err)
	}
	e.begin(ctx, next)
	return nil
}

// limit is how many instances of the instance's template may run at once.
func (e *Engine) limit(ctx context.Context, i *ops.Instance) (int, error) {
	p, err := e.plan(ctx, i.Template, i.TemplateVersion)
	if err != nil {
		return 0, err
	}
	return p.template.MaxParallelInstances, nil
}
