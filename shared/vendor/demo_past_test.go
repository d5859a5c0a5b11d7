package vendor_test

import (
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

func TestTheDemoVendorsPastShowsGoodAndPoorOnes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	seen := map[ops.Level]bool{}
	for _, tally := range vendor.DemoPast(now) {
		score := vendor.ScoreOf(tally, now)
		if score.Value == nil {
			t.Errorf("%s has no score", tally.VendorID)
		}
		for _, m := range score.Parts {
			seen[m.Level] = true
		}
	}
	for _, level := range []ops.Level{ops.Excellent, ops.Good, ops.Average, ops.Poor} {
		if !seen[level] {
			t.Errorf("no metric is %s", level)
		}
	}
}
