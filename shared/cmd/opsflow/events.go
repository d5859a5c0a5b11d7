package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

type eventCommands struct {
	Put  eventsPut  `cmd:"" help:"Put a domain event on the bus."`
	Show eventsShow `cmd:"" help:"Show an event with what every rule decided."`

	Replay eventsReplay `cmd:"" help:"Take an event in once more, an invalid one as corrected, or those of a period: all rules are asked but those that acted; nothing is done twice."`
}

type eventsPut struct {
	Type   string `arg:"" help:"The detail-type: booking_created, payment_received, ..."`
	Detail string `arg:"" help:"The detail, a JSON object; - reads it from stdin."`
	Source string `help:"Who it comes from; absent: api."`
	Key    string `help:"Idempotency key: the same key puts one event, however often."`
}

// Run puts the event and prints EventBridge's id of it.
func (c *eventsPut) Run(ctx context.Context, s *session) error {
	detail, err := s.object("DETAIL", c.Detail)
	if err != nil {
		return err
	}
	if detail == nil {
		detail = json.RawMessage("{}")
	}
	answer, err := s.api.post(ctx, "/v1/events", struct {
		Type   string          `json:"type"`
		Source string          `json:"source,omitempty"`
		Detail json.RawMessage `json:"detail"`
	}{c.Type, c.Source, detail}, c.Key)
	if err != nil {
		return err
	}
	return one(s, answer, func(w io.Writer, put struct {
		EventID string `json:"event_id"`
	},
	) {
		field(w, "event", put.EventID)
	})
}

type eventsShow struct {
	ID string `arg:"" help:"Id of the event, or EventBridge's id of any of its deliveries."`
}

// Run prints the event.
func (c *eventsShow) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, eventPath(c.ID), describeEvent)
}

type eventsReplay struct {
	ID     string    `arg:"" optional:"" help:"Id of the event, or EventBridge's id of any of its deliveries."`
	Detail string    `arg:"" optional:"" help:"The corrected detail of an invalid event, a JSON object; - reads it from stdin."`
	Type   string    `help:"The corrected detail-type of an invalid event; with --from: only events of this type."`
	Time   time.Time `help:"When an invalid event really happened; absent: as it came."`
	From   time.Time `help:"Instead of an id: the valid events that arrived from this time on."`
	To     time.Time `help:"End of that period; absent: now."`

	Preview bool `help:"With --from: only tell what rules would make of each."`
}

// Validate refuses what would be both, or neither.
func (c *eventsReplay) Validate() error {
	if (c.ID == "") == c.From.IsZero() {
		return errors.New("events replay takes either the id of an event or --from")
	}
	if c.ID != "" && c.Preview {
		return errors.New("--preview is for a period, with --from")
	}
	return nil
}

// Run replays the event, or those of a period, and prints what came of it.
func (c *eventsReplay) Run(ctx context.Context, s *session) error {
	if c.ID == "" {
		return c.replayPeriod(ctx, s)
	}
	detail, err := s.object("DETAIL", c.Detail)
	if err != nil {
		return err
	}
	answer, err := s.api.post(ctx, eventPath(c.ID)+"/replay", struct {
		Type   string          `json:"type,omitempty"`
		Time   time.Time       `json:"time,omitzero"`
		Detail json.RawMessage `json:"detail,omitempty"`
	}{c.Type, c.Time, detail}, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeEvent)
}

func eventPath(id string) string { return "/v1/events/" + url.PathEscape(id) }

func describeEvent(w io.Writer, e *ops.Event) {
	field(w, "id", e.ID)
	field(w, "type", e.Type)
	field(w, "source", e.Source)
	field(w, "time", when(e.Time))
	field(w, "status", string(e.Status))
	field(w, "identity", e.Identity)
	field(w, "subject", e.Subject.String())
	field(w, "delivered", strconv.Itoa(e.Delivered))
	field(w, "detail", string(e.Detail))
	for _, f := range e.Faults {
		field(w, "fault", faultText(f))
	}
	if len(e.Decisions) == 0 {
		return
	}
	fmt.Fprintln(w)
	rows(w, e.Decisions, []column[ops.Decision]{
		{"RULE", func(d ops.Decision) string { return d.Rule + "@" + strconv.Itoa(d.RuleVersion) }},
		{"OUTCOME", func(d ops.Decision) string { return string(d.Outcome) }},
		{"WHY", why},
		{"EFFECTS", effects},
	})
}

// why says what kept a rule from acting.
func why(d ops.Decision) string {
	if d.Leaf == nil {
		return d.Reason
	}
	got := "nothing"
	if len(d.Leaf.Got) > 0 {
		got = string(d.Leaf.Got)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", d.Reason, d.Leaf.Path, d.Leaf.Op, d.Leaf.Want)) + ": got " + got
}

func effects(d ops.Decision) string {
	texts := make([]string, len(d.Effects))
	for i, e := range d.Effects {
		if texts[i] = effect(e); e.Effect != nil {
			texts[i] = effect(*e.Effect)
		}
	}
	return strings.Join(texts, ", ")
}

// effect says what came of an action, or how it stands.
func effect(e ops.Effect) string {
	switch e.Status {
	case ops.ActionWaiting:
		return "waiting " + e.ID + " until " + when(e.DueAt)
	case ops.ActionDropped:
		return "dropped: " + e.Reason
	case ops.ActionFailed:
		return "failed: " + e.Error
	case ops.ActionShadow:
		return "would " + e.Action
	case ops.ActionDone:
	}
	return string(e.Kind) + " " + e.ID
}
