package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/httpapi"
)

// replayed is what came of replaying a period.
type replayed struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Events int       `json:"events"`
}

// progressEvery is after how many events a line tells how far a replay is.
const progressEvery = 100

// replayPeriod has the valid events of a period taken in once more, one after the other as they came. Each keeps its
// identity, so what was done is not done again, and a replay that ended early can be begun again.
func (c *eventsReplay) replayPeriod(ctx context.Context, s *session) error {
	done := replayed{From: c.From.UTC(), To: c.To.UTC()}
	if c.To.IsZero() {
		done.To = time.Now().UTC().Add(time.Minute) // the clocks may differ
	}
	ids, err := eventsOf(ctx, s, done.From, done.To)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "replaying %d events ...\n", len(ids))
	for _, id := range ids {
		if _, err := s.api.post(ctx, eventPath(id)+"/replay", struct{}{}, ""); err != nil {
			return fmt.Errorf("after %d events: replay %s: %w", done.Events, id, err)
		}
		if done.Events++; done.Events%progressEvery == 0 {
			fmt.Fprintf(s.err, "%d of %d\n", done.Events, len(ids))
		}
	}
	answer, err := json.Marshal(done)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return one(s, answer, func(w io.Writer, r replayed) {
		field(w, "period", when(r.From)+" to "+when(r.To))
		field(w, "replayed", strconv.Itoa(r.Events))
	})
}

// eventsOf lists the ids of the valid events that arrived in [from, to), the oldest first.
func eventsOf(ctx context.Context, s *session, from, to time.Time) ([]string, error) {
	var ids []string
	q := query("status", "valid", "limit", "100")
	for {
		answer, err := s.api.get(ctx, "/v1/events", q)
		if err != nil {
			return nil, err
		}
		var p page[httpapi.EventSummary]
		if err := decode(answer, &p); err != nil {
			return nil, err
		}
		earlier := false
		for _, e := range p.Items {
			if earlier = e.CreatedAt.Before(from); !earlier && e.CreatedAt.Before(to) {
				ids = append(ids, e.ID)
			}
		}
		if earlier || p.NextCursor == nil {
			slices.Reverse(ids)
			return ids, nil
		}
		q.Set("cursor", *p.NextCursor)
	}
}
