package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"opsflow/shared/ops"
)

func (a *api) pauseRoutes() {
	handle(a, route{
		id: "get-rule-pause", method: http.MethodGet, path: "/v1/rules/pause-all", action: readRules,
		summary: "Read the kill switch",
	}, a.getPause)
	handle(a, route{
		id: "pause-all-rules", method: http.MethodPost, path: "/v1/rules/pause-all", record: a.pauseVersion, action: pauseRules,
		summary: "Turn the kill switch: rules decide, and do nothing, until a time",
	}, a.pauseAll)
	handle(a, route{
		id: "resume-all-rules", method: http.MethodPost, path: "/v1/rules/resume-all", record: a.pauseVersion, action: pauseRules,
		summary: "End a pause of all rules before its time",
	}, a.resumeAll)
}

// PauseBody is the kill switch.
type PauseBody struct {
	Paused bool      `json:"paused"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty" doc:"Why it was turned last."`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero" doc:"When it was turned last."`
}

func (a *api) pauseOutput(set *ops.RuleSet, err error) (*oneOutput[PauseBody], error) {
	if err != nil {
		return nil, fmt.Errorf("pause of all rules: %w", err)
	}
	body := PauseBody{
		Paused: a.Clock.Now().Before(set.PausedUntil), Until: set.PausedUntil, Reason: set.PausedReason, By: set.PausedBy,
	}
	if set.PausedBy != "" {
		body.At = set.UpdatedAt
	}
	return &oneOutput[PauseBody]{ETag: etag(set), Body: body}, nil
}

func (a *api) getPause(ctx context.Context, _ *struct{}) (*oneOutput[PauseBody], error) {
	return a.pauseOutput(a.Rules.Pause(ctx))
}

type pauseInput struct {
	Body struct {
		Until  time.Time    `json:"until,omitzero" doc:"When rules act again by themselves."`
		For    ops.Duration `json:"for,omitzero" doc:"Instead of until: how long, by the server's clock, like 90m."`
		Reason string       `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; it is kept."`
	} `nameHint:"PauseAllRules"`
}

func (a *api) pauseAll(ctx context.Context, in *pauseInput) (*oneOutput[PauseBody], error) {
	until, length := in.Body.Until, in.Body.For
	switch {
	case until.IsZero() == length.IsZero():
		return nil, ops.Invalid("pause", []ops.Fault{{Path: "$.until", Expected: "either until or for", Got: "both or none"}})
	case length.Business:
		return nil, ops.Invalid("pause", []ops.Fault{{Path: "$.for", Expected: "clock time like 90m", Got: length.String()}})
	case !length.IsZero():
		until = a.Clock.Now().Add(length.D)
	}
	return a.pauseOutput(a.Rules.PauseAll(ctx, until, in.Body.Reason, actorOf(ctx)))
}

type resumeInput struct {
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; it is kept."`
	} `nameHint:"ResumeAllRules"`
}

func (a *api) resumeAll(ctx context.Context, in *resumeInput) (*oneOutput[PauseBody], error) {
	return a.pauseOutput(a.Rules.ResumeAll(ctx, in.Body.Reason, actorOf(ctx)))
}
