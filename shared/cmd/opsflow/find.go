package main

import (
	"context"
	"encoding/json"
	"io"
	"net/url"

	"opsflow/shared/ops"
)

type findCommand struct {
	ID string `arg:"" help:"Any id: of a workflow, task, alert, bulk operation, event (EventBridge's too), message, rule, template, vendor, booking, payment, or of what could not be delivered."`
}

// found is what the API answers.
type found struct {
	Kind   string          `json:"kind"`
	Path   string          `json:"path"`
	Record json.RawMessage `json:"record"`
}

// Run shows the record as the command of its kind does; of a kind without one, where it is and its JSON.
func (c *findCommand) Run(ctx context.Context, s *session) error {
	answer, err := s.api.get(ctx, "/v1/find/"+url.PathEscape(c.ID), nil)
	if err != nil {
		return err
	}
	if s.json {
		return s.show(answer, nil)
	}
	var f found
	if err := decode(answer, &f); err != nil {
		return err
	}
	if err := s.show(answer, func(w io.Writer) { field(w, "kind", f.Kind); field(w, "path", f.Path) }); err != nil {
		return err
	}
	switch f.Kind {
	case "workflow":
		return one(s, f.Record, describeWorkflow)
	case string(ops.KindTask):
		return one(s, f.Record, describeTask)
	case string(ops.KindAlert):
		return one(s, f.Record, describeAlert)
	case string(ops.KindBulk):
		return one(s, f.Record, describeBulk)
	case string(ops.KindUndelivered):
		return one(s, f.Record, describeUndelivered)
	case string(ops.KindEvent):
		return one(s, f.Record, describeEvent)
	case string(ops.KindRule):
		return one(s, f.Record, describeRule)
	case string(ops.KindTemplate):
		return one(s, f.Record, describeTemplate)
	}
	return (&session{streams: s.streams, json: true}).show(f.Record, nil)
}
