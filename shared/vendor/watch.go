package vendor

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// watch has sweep-due look at a vendor that changes, if templates watch vendors.
func watch(ctx context.Context, s ops.WatchStore, v *ops.Vendor, now time.Time) error {
	list, err := s.Watches(ctx)
	if err != nil {
		return fmt.Errorf("store vendor %s: %w", v.ID, err)
	}
	if len(list.On(ops.SubjectVendor)) > 0 {
		v.SetTimer(ops.TimerWatch, now)
	}
	return nil
}
