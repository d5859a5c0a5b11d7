package console

import (
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// laterAction is an action of a rule that was put off, or failed.
type laterAction struct {
	*ops.PendingAction
	Does string
}

// shownActions is how many actions of each status the page of a rule shows.
const shownActions = 20

// later lists what a rule has put off, and what of it failed.
func (c *Console) later(q *request, v *ruleView) error {
	for _, status := range []ops.ActionStatus{ops.ActionFailed, ops.ActionWaiting} {
		page, err := c.Rules.Actions(q.Context(), ops.ActionFilter{
			RuleID: v.ID, Status: status, PageRequest: ops.PageRequest{Limit: shownActions},
		})
		if err != nil {
			return fmt.Errorf("list the actions of rule %s: %w", v.ID, err)
		}
		for _, a := range page.Items {
			v.Later = append(v.Later, laterAction{a, sayAction(&a.Action)})
			v.Waiting = v.Waiting || status == ops.ActionWaiting
		}
		v.More = v.More || page.NextCursor != ""
	}
	return nil
}

// cancelActions drops one action, or without its id all that a rule has put off.
func (c *Console) cancelActions(q *request) (outcome, error) {
	id, reason := q.PathValue("id"), strings.TrimSpace(q.field("reason"))
	to := "/rules/" + id
	if action := q.field("action"); action != "" {
		if _, err := c.Rules.CancelAction(q.Context(), action, reason, q.Actor); err != nil {
			return outcome{}, fmt.Errorf("cancel action: %w", err)
		}
		return outcome{to: to, said: "The action was cancelled."}, nil
	}
	done, err := c.Rules.CancelActions(q.Context(), id, reason, q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("cancel the actions of rule %s: %w", id, err)
	}
	said := fmt.Sprintf("%d actions were cancelled.", done.Cancelled)
	if done.More {
		said += " There are more: cancel again."
	}
	return outcome{to: to, said: said}, nil
}

func (c *Console) retryAction(q *request) (outcome, error) {
	a, err := c.Rules.RetryAction(q.Context(), q.field("action"), strings.TrimSpace(q.field("reason")), q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("retry action: %w", err)
	}
	said := "The action was tried again: it is " + string(a.Status) + "."
	if a.Error != "" {
		said = "The action failed again: " + a.Error
	}
	return outcome{to: "/rules/" + a.RuleID, said: said}, nil
}
