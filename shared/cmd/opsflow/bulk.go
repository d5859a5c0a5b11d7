package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"opsflow/shared/ops"
)

type bulkCommands struct {
	Run  bulkRun  `cmd:"" help:"Do one thing to many records, or tell what would happen to each."`
	Show bulkShow `cmd:"" help:"Show a bulk operation with the outcome of each item."`
}

type bulkRun struct {
	Action  string            `arg:"" help:"What to do, like alert.resolve, task.claim, workflow.cancel or event.replay."`
	IDs     []string          `name:"ids" placeholder:"ID,..." xor:"selection" help:"The records."`
	Filter  map[string]string `placeholder:"NAME=VALUE;..." xor:"selection" help:"Those that match now: status, type, severity, subject, team, assignee, workflow, template; of events from, to."`
	Params  string            `placeholder:"JSON" help:"What the request for a single record has as its body; - reads it from stdin."`
	Preview bool              `help:"Only tell what would happen."`
	Wait    bool              `help:"Wait until every item has its outcome."`
	Key     string            `help:"Idempotency key: the same key begins one operation, however often."`
}

// bulkPause is how long --wait waits between two looks.
const bulkPause = 500 * time.Millisecond

// Run begins the operation.
func (c *bulkRun) Run(ctx context.Context, s *session) error {
	params, err := s.object("--params", c.Params)
	if err != nil {
		return err
	}
	answer, err := s.api.post(ctx, "/v1/bulk", struct {
		Action  string            `json:"action"`
		IDs     []string          `json:"ids,omitempty"`
		Filter  map[string]string `json:"filter,omitempty"`
		Params  json.RawMessage   `json:"params,omitempty"`
		Preview bool              `json:"preview,omitempty"`
	}{c.Action, c.IDs, c.Filter, params, c.Preview}, c.Key)
	if err != nil {
		return err
	}
	var b bulkView
	if err := decode(answer, &b); err != nil {
		return err
	}
	if c.Preview || !c.Wait {
		return one(s, answer, describeBulk)
	}
	for clock := (ops.SystemClock{}); b.Status == string(ops.BulkRunning); {
		if err := clock.Sleep(ctx, bulkPause); err != nil {
			return err
		}
		if answer, err = s.api.get(ctx, bulkPath(b.ID), nil); err != nil {
			return err
		}
		if err := decode(answer, &b); err != nil {
			return err
		}
	}
	return (&bulkShow{ID: b.ID, Limit: maxBulkItems}).Run(ctx, s)
}

// maxBulkItems is how many items the API gives at once.
const maxBulkItems = 1000

type bulkShow struct {
	ID      string `arg:"" help:"Id of the operation."`
	Outcome string `help:"Only items with this outcome: pending, done, refused or failed."`
	Limit   int    `default:"100" help:"How many items at most, up to 1000."`
	Cursor  string `help:"Where the page before ended."`
}

// Run shows the operation.
func (c *bulkShow) Run(ctx context.Context, s *session) error {
	answer, err := s.api.get(ctx, bulkPath(c.ID), query("outcome", c.Outcome, "limit", strconv.Itoa(c.Limit), "cursor", c.Cursor))
	if err != nil {
		return err
	}
	return one(s, answer, describeBulk)
}

func bulkPath(id string) string { return "/v1/bulk/" + url.PathEscape(id) }

// bulkView is an operation as the API shows it.
type bulkView struct {
	ID         string         `json:"id"`
	Action     string         `json:"action"`
	Status     string         `json:"status"`
	Total      int            `json:"total"`
	Counts     ops.BulkCounts `json:"counts"`
	Items      []ops.BulkItem `json:"items"`
	NextCursor string         `json:"next_cursor"`
}

func describeBulk(w io.Writer, b bulkView) {
	field(w, "id", b.ID)
	field(w, "action", b.Action)
	field(w, "status", b.Status)
	field(w, "items", fmt.Sprintf("%d: %d done, %d refused, %d failed, %d pending",
		b.Total, b.Counts.Done, b.Counts.Refused, b.Counts.Failed, b.Counts.Pending))
	for _, i := range b.Items {
		row(w, i.ID, string(i.Outcome), string(i.Code), i.Reason+i.Note)
	}
	field(w, "next cursor", b.NextCursor)
}
