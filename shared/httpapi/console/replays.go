package console

import (
	"fmt"
	"strings"
	"time"

	"opsflow/shared/bulk"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// replayView is the view of the replay of a period: what it would do, once a period is chosen.
type replayView struct {
	From, To string // as a datetime-local field has them, UTC
	Types    filter
	Preview  *bulk.Preview
	Items    []bulkItem // of the preview, those of which rules make something
	Rest     int        // of which they make nothing new
}

// replayShown is how many events of a preview are shown one by one.
const replayShown = 100

func (c *Console) replayPages() {
	show(c, page{path: "/events/replay", action: "event.replay", section: "Events", file: "replay"}, c.replayPreview)
	do(c, "/events/replay/begin", "event.replay", c.replayPeriod)
}

// localTime is how a datetime-local field has a time.
const localTime = "2006-01-02T15:04"

// replayRequest reads the chosen period; nil when none is chosen yet.
func replayRequest(q *request) (*bulk.Request, error) {
	f := &bulk.Filter{Type: q.field("type")}
	for name, at := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		text := strings.TrimSpace(q.field(name))
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(localTime, text); err != nil {
			return nil, ops.Errorf(ops.CodeInvalid, "%s is no time: it is written like 2026-11-01T09:00", name)
		}
	}
	if f.From.IsZero() {
		return nil, nil //nolint:nilnil // documented
	}
	return &bulk.Request{Action: ops.BulkReplayEvents, Filter: f}, nil
}

func (c *Console) replayPreview(q *request) (replayView, error) {
	types, _ := choose(q, "Type", "type", "Any type", ops.EventTypes())
	v := replayView{From: q.field("from"), To: q.field("to"), Types: types}
	r, err := replayRequest(q)
	if err != nil {
		return v, err
	}
	if r == nil {
		v.From = c.Clock.Now().UTC().Add(-24 * time.Hour).Format(localTime)
		return v, nil
	}
	if v.Preview, err = c.Bulk.Preview(q.Context(), *r, q.Actor); err != nil {
		return v, fmt.Errorf("preview the replay: %w", err)
	}
	var tell []ops.BulkItem
	for _, item := range v.Preview.Items {
		if item.Outcome == ops.BulkDone && item.Note == "" || len(tell) == replayShown {
			v.Rest++
			continue
		}
		tell = append(tell, item)
	}
	v.Items, err = c.named(q.Context(), r.Action, tell)
	return v, err
}

func (c *Console) replayPeriod(q *request) (outcome, error) {
	if err := httpapi.Authorize(q.Actor, "bulk.work"); err != nil {
		return outcome{}, err
	}
	r, err := replayRequest(q)
	if err != nil {
		return outcome{}, err
	}
	if r == nil {
		return outcome{}, ops.Errorf(ops.CodeInvalid, "choose from when on")
	}
	b, err := c.Bulk.Begin(q.Context(), *r, q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("begin the replay: %w", err)
	}
	return outcome{to: "/bulk/" + b.ID}, nil
}
