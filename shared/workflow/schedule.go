package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/schedule"
)

// maxMissed is how many slots are made up for that passed while nothing looked; of more, the newest are.
const maxMissed = 10

// parseSchedule reads a template's schedule.
func parseSchedule(s *ops.Schedule) (schedule.Schedule, []ops.Fault) {
	var faults []ops.Fault
	name := s.TimeZone
	if name == "" {
		name = "UTC"
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		faults = append(faults, ops.Fault{Path: "$.schedule.time_zone", Expected: "an IANA time zone like Asia/Dubai", Got: s.TimeZone})
		zone = time.UTC
	}
	sched, err := schedule.Parse("cron("+s.Cron+")", zone)
	if err != nil {
		faults = append(faults, ops.Fault{
			Path: "$.schedule.cron", Expected: "minutes hours day-of-month month day-of-week year, like 0 9 ? * MON-FRI *", Got: s.Cron,
		})
	}
	return sched, faults
}

// arm sets when a time_based template has its next slot after from.
func arm(t *ops.Template, from time.Time) error {
	if t.Schedule == nil {
		return nil
	}
	sched, faults := parseSchedule(t.Schedule)
	if len(faults) > 0 {
		return ops.Invalid("template", faults)
	}
	t.ClearTimer(ops.TimerSchedule)
	if next, ok := sched.Next(from); ok {
		t.SetTimer(ops.TimerSchedule, next)
	}
	return nil
}

// HandleSlot starts the workflows of a time_based template whose slots have come (kind template): one for each slot, whatever
// calls it how often, for the instance's id follows from template and slot, and it is stored together with the next timer. A
// version that is no longer the newest has no slots any more.
func (e *Engine) HandleSlot(ctx context.Context, ref ops.Ref) error {
	name, number, _ := strings.Cut(ref.ID, "@")
	version, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("template %q has no version: %w", ref.ID, err)
	}
	t, err := e.Store.Template(ctx, name, version)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read template %s: %w", ref.ID, err)
	}
	at, ok := t.Timers[ops.TimerSchedule]
	now := e.Clock.Now()
	if !ok || at.After(now) {
		return nil
	}
	var started []*ops.Instance
	newest, err := e.newest(ctx, name)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound || err == nil && newest != version:
		t.ClearTimer(ops.TimerSchedule)
	case err != nil:
		return err
	default:
		if started, err = e.slots(ctx, t, at, now); err != nil {
			return err
		}
	}
	if started, err = e.saveRuns(ctx, t, started); err != nil {
		return fmt.Errorf("start the slots of template %s: %w", ref.ID, err)
	}
	for _, i := range started {
		if err := e.Launch(ctx, i); err != nil {
			return err // its own timer has it started
		}
	}
	return nil
}

// saveRuns stores the workflows of slots together with their template's next timer, and gives those that it stored: none if
// somebody else has these slots. A slot whose workflow there is already, from an earlier version, is over.
func (e *Engine) saveRuns(ctx context.Context, t *ops.Template, planned []*ops.Instance) ([]*ops.Instance, error) {
	for {
		records := []ops.Record{t}
		for _, i := range planned {
			records = append(records, i)
		}
		err := e.Store.Save(ctx, records...)
		lost := ops.AsConflict(err)
		if lost == nil {
			return planned, err
		}
		if lost.Has(t.Ref()) {
			return nil, nil
		}
		planned = slices.DeleteFunc(planned, func(i *ops.Instance) bool { return lost.Has(i.Ref()) })
	}
}

// slots plans the workflows of the slots from at to now, and arms the template for the next.
func (e *Engine) slots(ctx context.Context, t *ops.Template, at, now time.Time) ([]*ops.Instance, error) {
	sched, faults := parseSchedule(t.Schedule)
	if len(faults) > 0 {
		return nil, ops.Invalid("template", faults)
	}
	due := []time.Time{at}
	for next, ok := sched.Next(at); ok && !next.After(now); next, ok = sched.Next(next) {
		if due = append(due, next); len(due) > maxMissed {
			due = due[1:]
		}
	}
	var planned []*ops.Instance
	for _, slot := range due {
		given := maps.Clone(t.Schedule.Context)
		if given == nil {
			given = map[string]json.RawMessage{}
		}
		stamp := slot.UTC().Format(time.RFC3339)
		given["slot"] = json.RawMessage(`"` + stamp + `"`)
		i, err := e.Plan(ctx, ops.StartRequest{
			ID: ops.HashID("wf-", "slot", t.Name, stamp), Template: t.Name, Version: t.Version, Name: t.Name + " " + stamp,
			Context: given, TriggeredBy: ops.TriggeredBy{Kind: "schedule"},
		})
		if err != nil {
			return nil, err
		}
		planned = append(planned, i)
	}
	return planned, arm(t, now)
}
