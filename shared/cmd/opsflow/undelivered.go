package main

import (
	"context"
	"io"
	"net/url"
	"strconv"

	"opsflow/shared/ops"
)

type undeliveredCommands struct {
	List   undeliveredList   `cmd:"" help:"List the events that could not be delivered, newest first."`
	Show   undeliveredShow   `cmd:"" help:"Show one, with its reason and the event."`
	Resend undeliveredResend `cmd:"" help:"Deliver one once more; what was done for it is not done again."`
	Close  undeliveredClose  `cmd:"" help:"Put away what is not to be sent again."`
}

type undeliveredList struct {
	pageFlags

	Status string `help:"Only those with this status: open, resent, closed."`
	Source string `help:"Only those of this function."`
}

// Run prints a page of the list.
func (c *undeliveredList) Run(ctx context.Context, s *session) error {
	q := query("status", c.Status, "source", c.Source)
	return list(ctx, s, "/v1/undelivered", q, c.pageFlags, []column[*ops.Undelivered]{
		{"ID", func(u *ops.Undelivered) string { return u.ID }},
		{"STATUS", func(u *ops.Undelivered) string { return string(u.Status) }},
		{"FUNCTION", func(u *ops.Undelivered) string { return u.Source }},
		{"EVENT", func(u *ops.Undelivered) string { return u.EventType }},
		{"FAILURES", func(u *ops.Undelivered) string { return strconv.Itoa(u.Failures) }},
		{"LAST FAILED", func(u *ops.Undelivered) string { return when(u.LastFailedAt) }},
		{"REASON", func(u *ops.Undelivered) string { return u.Code + ": " + u.Message }},
	})
}

type undeliveredShow struct {
	ID string `arg:"" help:"Id of what could not be delivered."`
}

// Run prints one.
func (c *undeliveredShow) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, undeliveredPath(c.ID), describeUndelivered)
}

type undeliveredResend struct {
	ID string `arg:"" help:"Id of what could not be delivered."`
}

// Run sends one again and prints what became of it.
func (c *undeliveredResend) Run(ctx context.Context, s *session) error {
	return s.moveUndelivered(ctx, c.ID, "resend", struct{}{})
}

type undeliveredClose struct {
	ID     string `arg:"" help:"Id of what could not be delivered."`
	Reason string `required:"" help:"Why it is not to be sent again."`
}

// Run closes one.
func (c *undeliveredClose) Run(ctx context.Context, s *session) error {
	return s.moveUndelivered(ctx, c.ID, "close", struct {
		Reason string `json:"reason"`
	}{c.Reason})
}

func (s *session) moveUndelivered(ctx context.Context, id, move string, body any) error {
	answer, err := s.api.post(ctx, undeliveredPath(id)+"/"+move, body, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeUndelivered)
}

func undeliveredPath(id string) string { return "/v1/undelivered/" + url.PathEscape(id) }

func describeUndelivered(w io.Writer, u *ops.Undelivered) {
	field(w, "id", u.ID)
	field(w, "status", string(u.Status))
	field(w, "function", u.Source)
	field(w, "rule", u.Rule)
	field(w, "error", u.Code)
	field(w, "message", u.Message)
	field(w, "event type", u.EventType)
	field(w, "event source", u.EventSource)
	field(w, "event id", u.EventID)
	field(w, "tries", strconv.Itoa(u.Tries))
	field(w, "failures", strconv.Itoa(u.Failures))
	field(w, "last failed", when(u.LastFailedAt))
	field(w, "resent", strconv.Itoa(u.Resends))
	field(w, "resent by", u.ResentBy)
	field(w, "closed by", u.ClosedBy)
	field(w, "reason", u.Reason)
	field(w, "event", string(u.Event))
}
