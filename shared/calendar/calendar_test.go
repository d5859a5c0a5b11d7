package calendar_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

func parse(t *testing.T, zone, hours, holidays string) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Parse(zone, hours, holidays)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDeadlinesPassOverWhatIsClosed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, zone, hours, holidays, from, add, want string }{
		{"inside of a day", "", "", "", "2026-11-24T10:00:00Z", "2bh", "2026-11-24T12:00:00Z"},
		{"up to closing", "", "", "", "2026-11-24T10:00:00Z", "7bh", "2026-11-24T17:00:00Z"},
		{"into the next day", "", "", "", "2026-11-24T16:00:00Z", "2bh", "2026-11-25T10:00:00Z"},
		{"over a weekend", "", "", "", "2026-11-27T16:00:00Z", "8bh", "2026-11-30T16:00:00Z"},
		{"from the night", "", "", "", "2026-11-24T03:00:00Z", "1bh", "2026-11-24T10:00:00Z"},
		{"from a Sunday, nothing", "", "", "", "2026-11-29T03:00:00Z", "0bh", "2026-11-30T09:00:00Z"},
		{"over holidays", "", "", "2026-11-25,2026-11-26", "2026-11-24T16:00:00Z", "2bh", "2026-11-27T10:00:00Z"},
		{"another zone", "Asia/Dubai", "", "", "2026-11-24T12:00:00Z", "2bh", "2026-11-25T06:00:00Z"},
		{"a week that begins on Sunday", "Asia/Riyadh", "Sun-Thu 08:00-16:00", "", "2026-11-26T12:00:00Z", "2bh", "2026-11-29T06:00:00Z"},
		{"a lunch break", "", "Mon-Fri 09:00-12:00, Mon-Fri 13:00-17:00", "", "2026-11-24T11:00:00Z", "2bh", "2026-11-24T14:00:00Z"},
		{"open all night", "", "Mon-Sun 00:00-24:00", "", "2026-11-24T11:00:00Z", "36bh", "2026-11-25T23:00:00Z"},
		{"half an hour", "", "", "", "2026-11-24T16:45:00Z", "0.5bh", "2026-11-25T09:15:00Z"},
		// Berlin's clocks skip 2:00-3:00 on 2026-03-29 and show it twice on 2026-10-25, both Sundays.
		{"over the night of a missing hour", "Europe/Berlin", "Mon-Sun 09:00-17:00", "", "2026-03-28T15:00:00Z", "2bh", "2026-03-29T08:00:00Z"},
		{"on a day of 23 hours", "Europe/Berlin", "Sun 00:00-24:00", "", "2026-03-28T23:00:00Z", "23bh", "2026-03-29T22:00:00Z"},
		{"on a day of 25 hours", "Europe/Berlin", "Sun 00:00-24:00", "", "2026-10-24T22:00:00Z", "25bh", "2026-10-25T23:00:00Z"},
		{"in an hour that is shown twice", "Europe/Berlin", "Sun 02:00-03:00", "", "2026-10-24T22:00:00Z", "2bh", "2026-10-25T02:00:00Z"},
		{"in an hour that does not exist", "Europe/Berlin", "Sun 02:00-03:00", "", "2026-03-28T22:00:00Z", "1bh", "2026-04-05T01:00:00Z"},
		{"clock time", "", "", "2026-11-25", "2026-11-24T16:00:00Z", "24h", "2026-11-25T16:00:00Z"},
	} {
		d, err := ops.ParseDuration(c.add)
		if err != nil {
			t.Fatal(err)
		}
		got := parse(t, c.zone, c.hours, c.holidays).Deadline(at(t, c.from), d)
		if !got.Equal(at(t, c.want)) {
			t.Errorf("%s: %s + %s = %s, want %s", c.name, c.from, c.add, got.Format(time.RFC3339), c.want)
		}
	}
}

func TestAStoppedClockRunsOnWithWhatWasLeft(t *testing.T) {
	t.Parallel()
	c := parse(t, "", "", "")
	due := c.Deadline(at(t, "2026-11-24T10:00:00Z"), ops.Duration{D: 8 * time.Hour, Business: true})
	left := c.Left(at(t, "2026-11-24T15:00:00Z"), due, true)
	if left.D != 3*time.Hour || !left.Business {
		t.Fatalf("5 of 8 business hours have passed, and %s are left", left)
	}
	if got := c.Deadline(at(t, "2026-12-01T16:00:00Z"), left); !got.Equal(at(t, "2026-12-02T11:00:00Z")) {
		t.Errorf("the clock that ran on ends at %s", got)
	}
	if left := c.Left(due.Add(time.Hour), due, false); left.D != 0 {
		t.Errorf("%s are left of a time that has passed", left)
	}
}

func TestAWrongCalendarSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, hours, holidays, says string }{
		{"Mars/Olympus", "", "", `business zone "Mars/Olympus"`},
		{"Local", "", "", `business zone "Local"`},
		{"", "Mon-Fri", "", `business hours "Mon-Fri"`},
		{"", "Mon-Fry 09:00-17:00", "", `business hours "Mon-Fry 09:00-17:00"`},
		{"", "Mon 17:00-09:00", "", `business hours "Mon 17:00-09:00"`},
		{"", "Mon 09:00-25:00", "", `business hours "Mon 09:00-25:00"`},
		{"", "Mon 09:00-12:00, Mon-Fri 11:00-17:00", "", "business hours of Monday: two of them overlap"},
		{"", ",", "", "at least one day"},
		{"", "", "25.12.2026", `holiday "25.12.2026"`},
	} {
		if _, err := calendar.Parse(c.zone, c.hours, c.holidays); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The calendar agrees with somebody who looks at the wall clock every quarter of an hour, in zones with and without summer
// time, over days on which clocks change.
func TestTheCalendarAgreesWithTheWallClock(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Dubai", "America/Santiago", "Africa/Cairo"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		opens := rapid.IntRange(0, 90).Draw(t, "opens") // in quarters of an hour
		closes := rapid.IntRange(opens+1, 96).Draw(t, "closes")
		clock := func(quarters int) string {
			return (time.Time{}).Add(time.Duration(quarters) * 15 * time.Minute).Format("15:04")
		}
		to := clock(closes)
		if closes == 96 {
			to = "24:00"
		}
		c, err := calendar.Parse(zone, "Tue-Sun "+clock(opens)+"-"+to, "2026-03-28,2026-10-31")
		if err != nil {
			t.Fatal(err)
		}
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		isOpen := func(at time.Time) bool {
			w := at.In(loc)
			quarter := w.Hour()*4 + w.Minute()/15
			holiday := w.Format("2006-01-02") == "2026-03-28" || w.Format("2006-01-02") == "2026-10-31"
			return w.Weekday() != time.Monday && !holiday && opens <= quarter && quarter < closes
		}
		begin := rapid.SampledFrom([]time.Time{
			time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC), time.Date(2026, 9, 4, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "begin").Add(time.Duration(rapid.IntRange(0, 96).Draw(t, "later")) * 15 * time.Minute)
		var want time.Duration
		for n := range 4 * 24 * 6 {
			now := begin.Add(time.Duration(n) * 15 * time.Minute)
			if got := c.Elapsed(begin, now); got != want {
				t.Fatalf("%s: %s to %s are %s of business, want %s", zone, begin, now, got, want)
			}
			if c.IsOpen(now) != isOpen(now) {
				t.Fatalf("%s: open at %s: %t", zone, now.In(loc), !isOpen(now))
			}
			if isOpen(now) {
				want += 15 * time.Minute
			}
		}
		d := time.Duration(rapid.IntRange(0, 100_000).Draw(t, "seconds")) * time.Second
		e := time.Duration(rapid.IntRange(0, 100_000).Draw(t, "more")) * time.Second
		add := func(from time.Time, d time.Duration) time.Time {
			return c.Deadline(from, ops.Duration{D: d, Business: true})
		}
		if got := c.Elapsed(begin, add(begin, d)); got != d {
			t.Fatalf("%s of business after %s have %s of business", d, begin, got)
		}
		if one, two := add(begin, d+e), add(add(begin, d), e); !one.Equal(two) && d+e > 0 && e > 0 {
			t.Fatalf("%s and %s are at %s, together at %s", d, e, two, one)
		}
	})
}
