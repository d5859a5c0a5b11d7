package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/local/issuer"
	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// demoVendors are the identities of the demo vendors; none without them.
func (rt *Runtime) demoVendors() []issuer.Identity {
	if !rt.o.Demo {
		return nil
	}
	var list []issuer.Identity
	for _, v := range vendor.Demo() {
		list = append(list, issuer.Identity{User: v.ID, Groups: []string{string(ops.Vendors)}, Does: v.Name})
	}
	return list
}

// demoChunk is how many records of the demo vendors' past are stored at once.
const demoChunk = 80

// loadDemo stores the demo vendors that are not there.
func (rt *Runtime) loadDemo(ctx context.Context) error {
	if !rt.o.Demo {
		return nil
	}
	defer rt.meter.Pause()() // nobody asked for it
	for _, v := range vendor.Demo() {
		v.CreatedAt = rt.o.Clock.Now().Truncate(time.Second)
		if err := rt.store.Save(ctx, v); err != nil && ops.AsConflict(err) == nil {
			return fmt.Errorf("load demo vendor %s: %w", v.ID, err)
		}
	}
	if !rt.o.DemoPast {
		return nil
	}
	now := rt.o.Clock.Now()
	past := vendor.DemoPast(now)
	var tallies []ops.Record
	for _, t := range past {
		tallies = append(tallies, t)
	}
	for chunk := range slices.Chunk(append(tallies, vendor.DemoTrend(past, now)...), demoChunk) {
		err := rt.store.Save(ctx, chunk...)
		if ops.AsConflict(err) != nil {
			return nil // loaded by an earlier run
		}
		if err != nil {
			return fmt.Errorf("load what the demo vendors have done: %w", err)
		}
	}
	return nil
}
