package httpapi

import (
	"testing"
	"time"

	"opsflow/shared/calendar"
)

func TestCustomersReadTimesOnTheWallClockOfTheBusiness(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 21, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"Asia/Dubai": "Wednesday, 25 November 2026, 01:30 Asia/Dubai",
		"UTC":        "Tuesday, 24 November 2026, 21:30 UTC",
	} {
		business, err := calendar.Parse(zone, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := (timelinePage{zone: business.Zone()}).Day(at); got != want {
			t.Errorf("in %s it is %q, want %q", zone, got, want)
		}
	}
	if got := (timelinePage{zone: (*calendar.Calendar)(nil).Zone()}).Day(at); got != "Tuesday, 24 November 2026, 21:30 UTC" {
		t.Errorf("without a calendar it is %q", got)
	}
}
