package main

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// replayPeriod has the valid events of a period taken in once more, as a bulk operation, and waits for its end. Each keeps its
// identity, so what was done is not done again, and a replay that is begun anew does no harm.
func (c *eventsReplay) replayPeriod(ctx context.Context, s *session) error {
	filter := map[string]string{"from": c.From.UTC().Format(time.RFC3339Nano)}
	if !c.To.IsZero() {
		filter["to"] = c.To.UTC().Format(time.RFC3339Nano)
	}
	if c.Type != "" {
		filter["type"] = c.Type
	}
	if !c.Preview {
		fmt.Fprintln(s.err, "replaying ...")
	}
	run := bulkRun{Action: string(ops.BulkReplayEvents), Filter: filter, Preview: c.Preview, Wait: !c.Preview}
	return run.Run(ctx, s)
}
