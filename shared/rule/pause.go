package rule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// PauseAll turns the kill switch: until then rules only write what they would have done. CodeInvalid without a reason or
// with a time that is past.
func (e *Engine) PauseAll(ctx context.Context, until time.Time, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	var faults []ops.Fault
	if reason = strings.TrimSpace(reason); reason == "" {
		faults = append(faults, noReason())
	}
	if !until.After(e.clock.Now()) {
		faults = append(faults, ops.Fault{Path: "$.until", Expected: "a time to come", Got: until.UTC().Format(time.RFC3339)})
	}
	if err := ops.Invalid("pause", faults); err != nil {
		return nil, err
	}
	return e.setPause(ctx, until.UTC(), reason, actor)
}

// ResumeAll ends the pause of PauseAll before its time. Actions that it held are done within minutes.
func (e *Engine) ResumeAll(ctx context.Context, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	return e.setPause(ctx, time.Time{}, strings.TrimSpace(reason), actor)
}

// Pause reads the kill switch: who turned it last, why, and until when.
func (e *Engine) Pause(ctx context.Context) (*ops.RuleSet, error) {
	set, err := e.store.RuleSet(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the kill switch: %w", err)
	}
	return set, nil
}

func (e *Engine) setPause(ctx context.Context, until time.Time, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	var set *ops.RuleSet
	err := e.retry(ctx, "turn the kill switch", func() error {
		var err error
		if set, err = e.Pause(ctx); err != nil {
			return err
		}
		before := *set
		set.PausedUntil, set.PausedReason, set.PausedBy = until, reason, actor.ID
		set.UpdatedAt = e.clock.Now()
		action := "rule.pause_all"
		if until.IsZero() {
			action = "rule.resume_all"
		}
		entry, err := audit.Entry(ctx, e.store, audit.Change{
			Actor: actor, Action: action, Target: set.Ref(), Before: before, After: set, Reason: reason,
		}, set.UpdatedAt)
		if err != nil {
			return err
		}
		return e.store.Save(ctx, set, entry)
	})
	e.forget()
	return set, err
}
