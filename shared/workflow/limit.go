package workflow

import (
	"context"
	"time"
)

// timeToTell is what an invocation keeps of its time to write down that an action took the rest of it.
const timeToTell = 2 * time.Second

// inTime gives an action the time that its invocation has left, but for what is needed afterwards: so that an action which
// takes too long is that step's failure, and not the invocation's.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-timeToTell))
}
