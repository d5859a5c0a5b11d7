package workflow

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// maxRanked is how many of the ranked vendors, left-out ones included, the step's output shows.
const maxRanked = 50

// vendorRank orders the vendors for the booking and names the best one, if any fits.
func vendorRank(ctx context.Context, in ActionInput) (ActionResult, error) {
	booking := vendor.BookingOf(in.value)
	all, err := in.Store.AllVendors(ctx)
	if err == nil {
		err = vendor.Load(ctx, in.Store, &booking, all)
	}
	if err != nil {
		return ActionResult{}, &Unavailable{Err: fmt.Errorf("read the vendors: %w", err)}
	}
	ranked := vendor.Rank(booking, all)
	out := map[string]any{"found": false, "vendors": len(ranked), "candidates": ranked[:min(len(ranked), maxRanked)]}
	if len(ranked) > 0 && ranked[0].Excluded == "" {
		out["found"], out["vendor_id"], out["score"] = true, ranked[0].VendorID, ranked[0].Score
	}
	return ActionResult{Output: out}, nil
}

// readVendor tells a vendor that is not there from a store that does not answer.
func readVendor(ctx context.Context, s ops.VendorStore, id string) (*ops.Vendor, error) {
	v, err := s.Vendor(ctx, id)
	if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
		return nil, &Unavailable{Err: fmt.Errorf("read vendor %s: %w", id, err)}
	}
	return v, err
}
