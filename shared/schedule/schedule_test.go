package schedule_test

import (
	"errors"
	"testing"
	"time"

	"opsflow/shared/schedule"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNextSlots(t *testing.T) {
	t.Parallel()
	const from = "2026-11-24 09:30:15" // a Tuesday
	for _, c := range []struct {
		expression string
		want       []string
	}{
		{"rate(1 minute)", []string{"2026-11-24 09:31:00", "2026-11-24 09:32:00"}},
		{"rate(12 hours)", []string{"2026-11-24 21:30:00", "2026-11-25 09:30:00"}},
		{"rate(7 days)", []string{"2026-12-01 09:30:00"}},
		{"cron(* * * * ? *)", []string{"2026-11-24 09:31:00", "2026-11-24 09:32:00"}},
		{"cron(0 10 * * ? *)", []string{"2026-11-24 10:00:00", "2026-11-25 10:00:00"}},
		{"cron(15 12 * * ? *)", []string{"2026-11-24 12:15:00"}},
		{"cron(0 18 ? * MON-FRI *)", []string{"2026-11-24 18:00:00", "2026-11-25 18:00:00", "2026-11-26 18:00:00", "2026-11-27 18:00:00", "2026-11-30 18:00:00"}},
		{"cron(0 8 1 * ? *)", []string{"2026-12-01 08:00:00", "2027-01-01 08:00:00"}},
		{"cron(0/15 * * * ? *)", []string{"2026-11-24 09:45:00", "2026-11-24 10:00:00"}},
		{"cron(0/30 20-2 ? * MON-FRI *)", []string{"2026-11-24 20:00:00", "2026-11-24 20:30:00"}},
		{"cron(5,35 14 * * ? *)", []string{"2026-11-24 14:05:00", "2026-11-24 14:35:00", "2026-11-25 14:05:00"}},
		{"cron(15 10 ? * 6L 2022-2027)", []string{"2026-11-27 10:15:00", "2026-12-25 10:15:00"}},
		{"cron(0 9 ? * 2#1 *)", []string{"2026-12-07 09:00:00", "2027-01-04 09:00:00"}},
		{"cron(0 9 ? * FRI#5 *)", []string{"2027-01-29 09:00:00", "2027-04-30 09:00:00"}},
		{"cron(0 9 L * ? *)", []string{"2026-11-30 09:00:00", "2026-12-31 09:00:00", "2027-01-31 09:00:00", "2027-02-28 09:00:00"}},
		{"cron(0 9 LW * ? *)", []string{"2026-11-30 09:00:00", "2026-12-31 09:00:00", "2027-01-29 09:00:00"}},
		{"cron(0 9 15W * ? *)", []string{"2026-12-15 09:00:00", "2027-01-15 09:00:00", "2027-02-15 09:00:00"}},
		{"cron(0 9 1W MAY ? *)", []string{"2027-05-03 09:00:00"}},
		{"cron(0 9 31W FEB,MAY ? *)", []string{"2027-05-31 09:00:00"}},
		{"cron(0 9 ? * L *)", []string{"2026-11-28 09:00:00"}},
		{"cron(0 0 29 FEB ? *)", []string{"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
		{"cron(0 0 1 JAN/6 ? *)", []string{"2027-01-01 00:00:00", "2027-07-01 00:00:00"}},
		{"cron(0 0 1 1 ? 2020)", nil},
		{"at(2026-12-24T18:00:00)", []string{"2026-12-24 18:00:00"}},
	} {
		s, err := schedule.Parse(c.expression, time.UTC)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		now := at(t, from)
		for _, want := range c.want {
			got, ok := s.Next(now)
			if !ok || !got.Equal(at(t, want)) {
				t.Errorf("%s after %s: got %s %v, want %s", c.expression, now, got, ok, want)
				break
			}
			now = got
		}
		if c.want == nil {
			if got, ok := s.Next(now); ok {
				t.Errorf("%s: got %s, want none", c.expression, got)
			}
		}
	}
}

func TestNextIsStrictlyAfterAndHitsSlotsBetween(t *testing.T) {
	t.Parallel()
	s, err := schedule.ParseRule("cron(0 10 * * ? *)")
	if err != nil {
		t.Fatal(err)
	}
	slot := at(t, "2026-11-24 10:00:00")
	if got, _ := s.Next(slot.Add(-1)); !got.Equal(slot) {
		t.Errorf("just before: %s", got)
	}
	if got, _ := s.Next(slot); !got.Equal(slot.Add(24 * time.Hour)) {
		t.Errorf("at the slot: %s", got)
	}
}

func TestSlotsInATimeZone(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, expression, from string
		want                   []string
	}{
		{"winter and summer", "cron(0 9 * * ? *)", "2027-03-26 12:00:00", []string{"2027-03-27 08:00:00", "2027-03-28 07:00:00", "2027-03-29 07:00:00"}},
		{"the hour that is left out", "cron(30 2 * * ? *)", "2027-03-27 12:00:00", []string{"2027-03-28 01:00:00", "2027-03-29 00:30:00"}},
		{"the hour that comes twice", "cron(30 2 * * ? *)", "2027-10-30 12:00:00", []string{"2027-10-31 00:30:00", "2027-11-01 01:30:00"}},
		{"at", "at(2026-12-24T18:00:00)", "2026-11-24 00:00:00", []string{"2026-12-24 17:00:00"}},
	} {
		s, err := schedule.Parse(c.expression, berlin)
		if err != nil {
			t.Fatal(err)
		}
		now := at(t, c.from)
		for _, want := range c.want {
			got, ok := s.Next(now)
			if !ok || !got.Equal(at(t, want)) {
				t.Errorf("%s: after %s got %s, want %s", c.name, now, got, want)
			}
			now = got
		}
	}
}

func TestRefusedExpressions(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		"", "rate", "rate()", "rate(5)", "rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "rate(-1 minutes)",
		"rate(1.5 hours)", "rate(5 seconds)", "rate(5 minutes", "every(5 minutes)", "rate(2147483647 days)",
		"cron(* * * * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)",
		"cron(0 10 32 * ? *)", "cron(0 10 0 * ? *)", "cron(0 10 * 13 ? *)", "cron(0 10 ? * 8 *)", "cron(0 10 ? * MON#6 *)",
		"cron(0 10 * * ? 1969)", "cron(0 10 * * ? 2200)", "cron(0/0 10 * * ? *)", "cron(0 10 * FOO ? *)", "cron(, 10 * * ? *)",
		"cron(0 10 W * ? *)", "at(2026-12-24)", "at(2026-12-24T18:00:00Z)",
	} {
		_, err := schedule.Parse(expression, time.UTC)
		if e, ok := errors.AsType[*schedule.Error](err); !ok || e.Expression != expression || e.Expected == "" {
			t.Errorf("%q: got %v", expression, err)
		}
	}
	if _, err := schedule.ParseRule("at(2026-12-24T18:00:00)"); err == nil {
		t.Error("a rule took at(...)")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("cron(0/15 20-2 ? * MON#2 2020-2030)")
	f.Add("rate(5 minutes)")
	f.Add("cron(0 9 15W * ? *)")
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := schedule.Parse(expression, time.UTC)
		if err != nil {
			return
		}
		from := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
		if slot, ok := s.Next(from); ok && !slot.After(from) {
			t.Errorf("%s: slot %s is not after %s", expression, slot, from)
		}
	})
}
