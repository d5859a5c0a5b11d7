package main

import (
	"context"
	"io"
	"net/url"
	"strconv"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

type alertCommands struct {
	List    alertsList    `cmd:"" help:"List alerts: with a status the most severe first, else newest first."`
	Show    alertsShow    `cmd:"" help:"Show an alert."`
	Ack     alertsAck     `cmd:"" help:"Say that one takes care of an open alert: it stops climbing, for a time."`
	Start   alertsStart   `cmd:"" help:"Say that one is at work on an alert."`
	Resolve alertsResolve `cmd:"" help:"Say how an alert came to its end."`
	Close   alertsClose   `cmd:"" help:"Put a resolved alert away."`
	Reopen  alertsReopen  `cmd:"" help:"Open an alert again that was not over after all."`
}

type alertsList struct {
	pageFlags

	Status   string          `help:"Only those with this status."`
	Severity string          `help:"Only those of this severity."`
	Type     string          `help:"Only those of this type."`
	Subject  subjectArgument `placeholder:"TYPE/ID" help:"Only those about this."`
}

// Run prints a page of the list.
func (c *alertsList) Run(ctx context.Context, s *session) error {
	q := query("status", c.Status, "severity", c.Severity, "type", c.Type, "subject", c.Subject.String())
	return list(ctx, s, "/v1/alerts", q, c.pageFlags, []column[*ops.Alert]{
		{"ID", func(a *ops.Alert) string { return a.ID }},
		{"SEVERITY", func(a *ops.Alert) string { return string(a.Severity) }},
		{"STATUS", func(a *ops.Alert) string { return string(a.Status) }},
		{"TYPE", func(a *ops.Alert) string { return string(a.Type) }},
		{"TITLE", func(a *ops.Alert) string { return a.Title }},
		{"SUBJECT", func(a *ops.Alert) string { return a.Subject.String() }},
		{"COUNT", func(a *ops.Alert) string { return strconv.Itoa(a.Count) }},
		{"LAST SEEN", func(a *ops.Alert) string { return when(a.LastSeenAt) }},
	})
}

type alertsShow struct {
	ID string `arg:"" help:"Id of the alert."`
}

// Run shows the alert.
func (c *alertsShow) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, alertPath(c.ID), describeAlert)
}

type alertsAck struct {
	ID string `arg:"" help:"Id of the alert."`
}

// Run acknowledges the alert.
func (c *alertsAck) Run(ctx context.Context, s *session) error {
	return s.moveAlert(ctx, c.ID, "acknowledge", struct{}{})
}

type alertsStart struct {
	ID string `arg:"" help:"Id of the alert."`
}

// Run starts work on the alert.
func (c *alertsStart) Run(ctx context.Context, s *session) error {
	return s.moveAlert(ctx, c.ID, "start", struct{}{})
}

type alertsResolve struct {
	ID         string `arg:"" help:"Id of the alert."`
	Resolution string `required:"" help:"How it came to its end."`
	Reason     string `help:"Why it is resolved although its cause holds; needed then."`
}

// Run resolves the alert.
func (c *alertsResolve) Run(ctx context.Context, s *session) error {
	return s.moveAlert(ctx, c.ID, "resolve", alert.Resolution{Resolution: c.Resolution, Reason: c.Reason})
}

type alertsClose struct {
	ID string `arg:"" help:"Id of the alert."`
}

// Run closes the alert.
func (c *alertsClose) Run(ctx context.Context, s *session) error {
	return s.moveAlert(ctx, c.ID, "close", struct{}{})
}

type alertsReopen struct {
	ID     string `arg:"" help:"Id of the alert."`
	Reason string `help:"Why; it is kept."`
}

// Run opens the alert again.
func (c *alertsReopen) Run(ctx context.Context, s *session) error {
	return s.moveAlert(ctx, c.ID, "reopen", struct {
		Reason string `json:"reason,omitempty"`
	}{c.Reason})
}

// moveAlert does something to an alert and shows what became of it.
func (s *session) moveAlert(ctx context.Context, id, move string, body any) error {
	answer, err := s.api.post(ctx, alertPath(id)+"/"+move, body, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeAlert)
}

func alertPath(id string) string { return "/v1/alerts/" + url.PathEscape(id) }

func describeAlert(w io.Writer, a *ops.Alert) {
	field(w, "id", a.ID)
	field(w, "title", a.Title)
	field(w, "type", string(a.Type))
	field(w, "severity", string(a.Severity))
	field(w, "status", string(a.Status))
	field(w, "team", string(a.Team))
	field(w, "subject", a.Subject.String())
	field(w, "workflow", a.InstanceID)
	field(w, "count", strconv.Itoa(a.Count))
	field(w, "created", when(a.CreatedAt))
	field(w, "last seen", when(a.LastSeenAt))
	field(w, "detail", a.Detail)
	field(w, "acknowledged by", a.AcknowledgedBy)
	field(w, "acknowledged", when(a.AcknowledgedAt))
	field(w, "resolved by", a.ResolvedBy)
	field(w, "resolved", when(a.ResolvedAt))
	field(w, "resolution", a.Resolution)
	field(w, "reason", a.Reason)
}
