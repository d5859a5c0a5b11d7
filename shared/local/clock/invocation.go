package clock

import (
	"context"
	"time"
)

// Invocation is the clock as code inside of an invocation sees it. While time stands still a pause there takes none:
// whoever invokes is at work until the invocation ends, so the time can't move on before. It takes at most maxPause of real
// time, which spreads competitors that back off.
type Invocation struct{ *Clock }

// maxPause is how long a pause inside of an invocation really takes when time is virtual.
const maxPause = 20 * time.Millisecond

// Sleep waits for d, or for what it takes when time is virtual.
func (i Invocation) Sleep(ctx context.Context, d time.Duration) error {
	if !i.Stands() {
		return i.Clock.Sleep(ctx, d)
	}
	t := time.NewTimer(min(d, maxPause))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Visitor is the clock as somebody sees it who is in no Busy section, such as a client of an endpoint. While time stands still
// a pause takes as little as one of an Invocation, and time does not move on meanwhile.
type Visitor struct{ *Clock }

// Sleep waits for d, or for what it takes when time stands still.
func (v Visitor) Sleep(ctx context.Context, d time.Duration) error {
	defer v.Busy()()
	return Invocation(v).Sleep(ctx, d)
}
