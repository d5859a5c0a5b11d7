package rule

import (
	"context"
	"fmt"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Event reads an event, or the one that EventBridge's id of a delivery leads to, with what became of the actions in its
// decisions, and with the decisions that were not kept, made again. CodeNotFound.
func (e *Engine) Event(ctx context.Context, id string) (*ops.Event, error) {
	event, err := e.store.Event(ctx, id)
	if err != nil {
		return nil, err
	}
	if event.NotMatched > 0 {
		if err := e.recompute(ctx, event); err != nil {
			return nil, err
		}
	}
	decisions := make([]*ops.Decision, len(event.Decisions))
	for i := range event.Decisions {
		decisions[i] = &event.Decisions[i]
	}
	return event, e.resolve(ctx, decisions)
}

// resolve tells in decisions how their actions stand now.
func (e *Engine) resolve(ctx context.Context, decisions []*ops.Decision) error {
	found := map[string][]*ops.Effect{}
	var ids []string
	for _, d := range decisions {
		for i := range d.Effects {
			effect := &d.Effects[i]
			if effect.Kind != ops.KindAction {
				continue
			}
			if found[effect.ID] == nil {
				ids = append(ids, effect.ID)
			}
			found[effect.ID] = append(found[effect.ID], effect)
		}
	}
	actions, err := e.store.PendingActions(ctx, ids)
	if err != nil {
		return fmt.Errorf("read what became of actions: %w", err)
	}
	for _, a := range actions {
		for _, effect := range found[a.ID] {
			*effect = ops.Effect{
				Kind: ops.KindAction, ID: a.ID, Status: a.Status, Reason: a.Reason, Leaf: a.Leaf, Error: a.Error, DueAt: a.DueAt, Effect: a.Effect,
			}
		}
	}
	return nil
}

// Action reads what was to be done later. CodeNotFound.
func (e *Engine) Action(ctx context.Context, id string) (*ops.PendingAction, error) {
	a, err := e.store.PendingAction(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read action: %w", err)
	}
	return a, nil
}

// Actions lists what a rule has put off, or what of it failed, the oldest first. CodeNotFound.
func (e *Engine) Actions(ctx context.Context, f ops.ActionFilter) (ops.Page[*ops.PendingAction], error) {
	if _, err := e.Get(ctx, f.RuleID); err != nil {
		return ops.Page[*ops.PendingAction]{}, err
	}
	return e.store.Actions(ctx, f)
}

// CancelAction drops an action that waits for its time. CodeNotFound; CodeIllegalMove when it is over or just being done;
// CodeInvalid without a reason.
func (e *Engine) CancelAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error) {
	if err := needReason("cancel", reason); err != nil {
		return nil, err
	}
	return e.move(ctx, id, func(a *ops.PendingAction) error { return e.cancel(ctx, a, reason, actor) })
}

// Cancelled tells how much was cancelled.
type Cancelled struct {
	Cancelled int  `json:"cancelled"`
	More      bool `json:"more"` // there are more: ask again
}

// CancelActions drops all that a rule has put off, up to 500 at once. CodeNotFound; CodeInvalid without a reason.
func (e *Engine) CancelActions(ctx context.Context, ruleID, reason string, actor ops.Actor) (Cancelled, error) {
	const most = 500
	var done Cancelled
	if err := needReason("cancel", reason); err != nil {
		return done, err
	}
	f := ops.ActionFilter{RuleID: ruleID, Status: ops.ActionWaiting, PageRequest: ops.PageRequest{Limit: ops.MaxPageLimit}}
	for {
		page, err := e.Actions(ctx, f)
		if err != nil {
			return done, err
		}
		for _, a := range page.Items {
			_, err := e.CancelAction(ctx, a.ID, reason, actor)
			switch ops.ErrorCode(err) { //nolint:exhaustive // all others end it
			case ops.CodeIllegalMove, ops.CodeNotFound: // it was done meanwhile
				continue
			}
			if err != nil {
				return done, err
			}
			done.Cancelled++
		}
		f.Cursor, done.More = page.NextCursor, page.NextCursor != ""
		if !done.More || done.Cancelled >= most {
			return done, nil
		}
	}
}

// RetryAction tries an action again that failed. What was dropped because of it stays so. CodeNotFound; CodeIllegalMove when it
// has not failed; CodeInvalid without a reason.
func (e *Engine) RetryAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error) {
	if err := needReason("retry", reason); err != nil {
		return nil, err
	}
	_, err := e.move(ctx, id, func(a *ops.PendingAction) error {
		if a.Status != ops.ActionFailed {
			return ops.Errorf(ops.CodeIllegalMove, "action %s has not failed: it is %s", a.ID, a.Status)
		}
		now := e.clock.Now()
		entry, err := e.note(ctx, a, "action.retry", ops.ActionWaiting, reason, actor)
		if err != nil {
			return err
		}
		a.Status, a.Error, a.Tries, a.UpdatedAt = ops.ActionWaiting, "", 1, now
		a.SetTimer(ops.TimerDue, now)
		return e.store.Save(ctx, a, entry)
	})
	if err != nil {
		return nil, err
	}
	if err := e.attempt(ctx, id, e.isDue); err != nil {
		return nil, fmt.Errorf("retry action: %w", err)
	}
	return e.Action(ctx, id)
}

// move changes an action as it is stored, again when somebody else changed it first.
func (e *Engine) move(ctx context.Context, id string, change func(*ops.PendingAction) error) (*ops.PendingAction, error) {
	var moved *ops.PendingAction
	err := e.retry(ctx, "change action "+id, func() error {
		var err error
		if moved, err = e.store.PendingAction(ctx, id); err != nil {
			return err
		}
		return change(moved)
	})
	if err != nil {
		return nil, err
	}
	return moved, nil
}

func (e *Engine) cancel(ctx context.Context, a *ops.PendingAction, reason string, actor ops.Actor) error {
	begun := !a.PutOff() || a.Tries > 0
	switch {
	case a.Status != ops.ActionWaiting:
		return ops.Errorf(ops.CodeIllegalMove, "action %s can't be cancelled: it is %s", a.ID, a.Status)
	case begun && e.clock.Now().Before(a.UpdatedAt.Add(repairAfter)):
		return ops.Errorf(ops.CodeIllegalMove, "action %s can't be cancelled: it is just being done", a.ID)
	}
	entry, err := e.note(ctx, a, "action.cancel", ops.ActionDropped, reason, actor)
	if err != nil {
		return err
	}
	if err := e.end(ctx, a, ending{status: ops.ActionDropped, reason: ops.DroppedCancelled}, entry); err != nil {
		return err
	}
	if a.Status == ops.ActionWaiting {
		return &ops.Conflict{Lost: []ops.Ref{a.Ref()}} // somebody else has just claimed or ended it: look again
	}
	e.goOn(ctx, a)
	return nil
}

// note writes down what a person did to an action.
func (e *Engine) note(
	ctx context.Context, a *ops.PendingAction, what string, status ops.ActionStatus, reason string, actor ops.Actor,
) (*ops.AuditEntry, error) {
	entry, err := audit.Entry(ctx, e.store, audit.Change{
		Actor: actor, Action: what, Target: a.Ref(), Reason: strings.TrimSpace(reason),
		Before: map[string]any{"status": a.Status}, After: map[string]any{"status": status},
	}, e.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return entry, nil
}

func needReason(what, reason string) error {
	if strings.TrimSpace(reason) != "" {
		return nil
	}
	return ops.Invalid(what, []ops.Fault{noReason()})
}

func noReason() ops.Fault {
	return ops.Fault{Path: "$.reason", Expected: "a text that says why", Got: "nothing"}
}
