package main

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"

	"opsflow/shared/httpapi"
	"opsflow/shared/rule"
)

type rulesActions struct {
	pageFlags
	ID     string `arg:"" help:"Id of the rule."`
	Status string `enum:"waiting,failed" default:"waiting" help:"Those that wait, or those that failed."`
}

// Run prints a page of the list.
func (c *rulesActions) Run(ctx context.Context, s *session) error {
	return list(ctx, s, rulePath(c.ID, "/actions"), query("status", c.Status), c.pageFlags, []column[httpapi.ActionBody]{
		{"ID", func(a httpapi.ActionBody) string { return a.ID }},
		{"STATUS", func(a httpapi.ActionBody) string { return string(a.Status) }},
		{"ACTION", func(a httpapi.ActionBody) string { return string(a.Action.Type) }},
		{"SUBJECT", func(a httpapi.ActionBody) string { return a.Subject.String() }},
		{"DUE", func(a httpapi.ActionBody) string { return when(a.DueAt) }},
		{"EVENT", func(a httpapi.ActionBody) string { return a.EventID }},
		{"ERROR", func(a httpapi.ActionBody) string { return a.Error }},
	})
}

type rulesCancel struct {
	ID     string `arg:"" help:"Id of a rule, or of one action (act-...)."`
	Reason string `required:"" help:"Why; it is kept."`
}

// Run cancels, and says how much.
func (c *rulesCancel) Run(ctx context.Context, s *session) error {
	body := map[string]string{"reason": c.Reason}
	if strings.HasPrefix(c.ID, "act-") {
		answer, err := s.api.post(ctx, "/v1/actions/"+url.PathEscape(c.ID)+"/cancel", body, "")
		if err != nil {
			return err
		}
		return one(s, answer, func(w io.Writer, a httpapi.ActionBody) {
			field(w, "id", a.ID)
			field(w, "status", string(a.Status))
		})
	}
	answer, err := s.api.post(ctx, rulePath(c.ID, "/actions/cancel"), body, "")
	if err != nil {
		return err
	}
	return one(s, answer, func(w io.Writer, done rule.Cancelled) {
		field(w, "cancelled", strconv.Itoa(done.Cancelled))
		field(w, "more", strconv.FormatBool(done.More))
	})
}
