package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func (a *api) actionRoutes() {
	handle(a, route{
		id: "list-rule-actions", method: http.MethodGet, path: "/v1/rules/{id}/actions", action: readRules,
		summary: "List what a rule has put off, or what of it failed, oldest first",
	}, a.listRuleActions)
	handle(a, route{
		id: "cancel-rule-actions", method: http.MethodPost, path: "/v1/rules/{id}/actions/cancel", action: switchRules,
		summary: "Drop all that a rule has put off, up to 500 actions at once",
	}, a.cancelRuleActions)
	handle(a, route{
		id: "get-action", method: http.MethodGet, path: "/v1/actions/{id}", action: readRules,
		summary: "Read what became of an action of a rule: the id is in the event's decisions",
	}, a.getAction)
	handle(a, route{
		id: "cancel-action", method: http.MethodPost, path: "/v1/actions/{id}/cancel", record: byID(a.Rules.Action), action: switchRules,
		summary: "Drop an action that waits for its time",
	}, a.cancelAction)
	handle(a, route{
		id: "retry-action", method: http.MethodPost, path: "/v1/actions/{id}/retry", record: byID(a.Rules.Action), action: switchRules,
		summary: "Try an action again that failed",
	}, a.retryAction)
}

// ActionBody is an action of a rule that was put off, or that is done behind the transaction of its event.
type ActionBody struct {
	ID        string           `json:"id"`
	Rule      string           `json:"rule"`
	Index     int              `json:"index" doc:"Which of the rule's actions it is, from 0."`
	Action    ops.Action       `json:"action"`
	EventID   string           `json:"event_id"`
	Subject   ops.SubjectRef   `json:"subject,omitzero"`
	Status    ops.ActionStatus `json:"status" enum:"waiting,done,dropped,failed"`
	DueAt     time.Time        `json:"due_at"`
	After     string           `json:"after,omitempty" doc:"The action that has to end before: its on_error is stop."`
	Reason    string           `json:"reason,omitempty" doc:"Why it was dropped: unless, stopped, rule_off, shadow or cancelled."`
	Leaf      *ops.Leaf        `json:"leaf,omitempty" doc:"What decided its unless, and the value that it saw."`
	Effect    *ops.Effect      `json:"effect,omitempty" doc:"What came of it."`
	Error     string           `json:"error,omitempty"`
	Tries     int              `json:"tries"`
	CreatedAt time.Time        `json:"created_at"`
	UpdatedAt time.Time        `json:"updated_at"`
}

func actionBody(a *ops.PendingAction) ActionBody {
	return ActionBody{
		ID: a.ID, Rule: a.RuleID, Index: a.Index, Action: a.Action, EventID: a.EventID, Subject: a.Subject, Status: a.Status,
		DueAt: a.DueAt, After: a.After, Reason: a.Reason, Leaf: a.Leaf, Effect: a.Effect, Error: a.Error, Tries: a.Tries,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

type listedActions string

// Schema names the values.
func (listedActions) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.ActionWaiting, ops.ActionFailed)
}

type ruleActionsInput struct {
	IDPath
	PageQuery
	Status listedActions `query:"status" default:"waiting" doc:"Those that wait, or those that failed."`
}

func (a *api) listRuleActions(ctx context.Context, in *ruleActionsInput) (*listOutput[ActionBody], error) {
	page, err := a.Rules.Actions(ctx, ops.ActionFilter{RuleID: in.ID, Status: ops.ActionStatus(in.Status), PageRequest: in.request()})
	if err != nil {
		return nil, fmt.Errorf("list the actions of a rule: %w", err)
	}
	return listOf(page, actionBody), nil
}

type actionMoveInput struct {
	IDPath
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; it is kept."`
	} `nameHint:"MoveAction"`
}

type cancelledOutput struct {
	Body rule.Cancelled `nameHint:"CancelledActions"`
}

func (a *api) cancelRuleActions(ctx context.Context, in *actionMoveInput) (*cancelledOutput, error) {
	// It is many changes. After a crash among them the same request drops the rest.
	ctx = ops.WithRequest(ctx, nil)
	done, err := a.Rules.CancelActions(ctx, in.ID, in.Body.Reason, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("cancel the actions of a rule: %w", err)
	}
	return &cancelledOutput{done}, nil
}

func (a *api) getAction(ctx context.Context, in *IDPath) (*oneOutput[ActionBody], error) {
	return oneAction(a.Rules.Action(ctx, in.ID))
}

func (a *api) cancelAction(ctx context.Context, in *actionMoveInput) (*oneOutput[ActionBody], error) {
	return oneAction(a.Rules.CancelAction(ctx, in.ID, in.Body.Reason, actorOf(ctx)))
}

func (a *api) retryAction(ctx context.Context, in *actionMoveInput) (*oneOutput[ActionBody], error) {
	return oneAction(a.Rules.RetryAction(ctx, in.ID, in.Body.Reason, actorOf(ctx)))
}

func oneAction(p *ops.PendingAction, err error) (*oneOutput[ActionBody], error) {
	if err != nil {
		return nil, fmt.Errorf("action of a rule: %w", err)
	}
	return &oneOutput[ActionBody]{ETag: etag(p), Body: actionBody(p)}, nil
}
