package local

import (
	"context"
	"runtime/debug"
	"time"
)

// GCPercent suits a process that is a Runtime and nothing else: all records pass through memory as JSON, and the megabytes that
// a rarer collection costs are worth the time that a busy runtime saves.
const GCPercent = 400

// restAfter is how long nothing must have been asked of AWS for the system to be at rest.
const restAfter = 15 * time.Second

// GiveBackMemory returns to the machine what a busy time has left, each time that the system comes to rest, until ctx ends.
func (rt *Runtime) GiveBackMemory(ctx context.Context) {
	tick := time.NewTicker(restAfter)
	defer tick.Stop()
	given := rt.meter.Use() // nothing is worth giving back before anything was done
	for last := given; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := rt.meter.Use()
		if now == last && now != given {
			debug.FreeOSMemory()
			given = now
		}
		last = now
	}
}
