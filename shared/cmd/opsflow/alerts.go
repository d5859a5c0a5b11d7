package main

import (
	"context"
	"io"
	"net/url"
	"strconv"

	"opsflow/shared/ops"
)

type alertCommands struct {
	List alertsList `cmd:"" help:"List alerts: with a status the most severe first, else newest first."`
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

func alertPath(id string) string { return "/v1/alerts/" + url.PathEscape(id) }

func describeAlert(w io.Writer, a *ops.Alert) {
	field(w, "id", a.ID)
	field(w, "title", a.Title)
	field(w, "type", string(a.Type))
	field(w, "severity", string(a.Severity))
	field(w, "status", string(a.Status))
	field(w, "subject", a.Subject.String())
	field(w, "workflow", a.InstanceID)
	field(w, "count", strconv.Itoa(a.Count))
	field(w, "created", when(a.CreatedAt))
	field(w, "last seen", when(a.LastSeenAt))
	field(w, "detail", a.Detail)
	field(w, "resolution", a.Resolution)
}
