package workflow

import (
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestTheLongerPeopleTakeTheLessOftenAnInstanceIsLookedAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		kind   string
		waited time.Duration
		want   time.Duration
	}{
		{"task", time.Minute, 2 * time.Minute},
		{"task", 4 * time.Hour, time.Hour},
		{"task", 720 * time.Hour, 6 * time.Hour},
		{"timer", 720 * time.Hour, 2 * time.Minute},
	} {
		i := &ops.Instance{WaitingFor: &ops.WaitingFor{Kind: c.kind, Since: now.Add(-c.waited)}}
		if got := nextLook(i, now); got != c.want {
			t.Errorf("%s for %v: looked after again in %v, want %v", c.kind, c.waited, got, c.want)
		}
	}
}
