package schedule

import (
	"math/bits"
	"strings"
	"time"
)

const (
	firstYear = 1970
	lastYear  = 2199
)

// cron is a set of minutes. Day-of-month and day-of-week exclude each other: one of them is always "?".
type cron struct {
	minutes, hours uint64
	months         uint64
	years          [lastYear - firstYear + 1]bool
	days           dayRule
	zone           *time.Location
	skipping       bool // slots that a change of the clocks leaves out do not happen
}

// dayRule chooses days within a month.
type dayRule struct {
	byWeekday bool
	set       uint64 // days 1-31, or weekdays 1 (Sunday) to 7
	last      bool   // L: the month's last day, or with weekday: its last such day
	nearest   int    // 15W: the working day nearest to the 15th; 0: not set
	lastWork  bool   // LW: the month's last working day
	weekday   int    // for last and nth, 1-7
	nth       int    // FRI#2; 0: not set
}

func (c *cron) Next(t time.Time) (time.Time, bool) {
	t = t.In(c.zone).Truncate(time.Minute)
	after := t
	year, month, day := t.Date()
	hour, minute := t.Hour(), t.Minute()+1
	for ; year <= lastYear; year, month, day, hour, minute = year+1, time.January, 1, 0, 0 {
		if year < firstYear || !c.years[year-firstYear] {
			continue
		}
		for ; month <= time.December; month, day, hour, minute = month+1, 1, 0, 0 {
			if c.months>>month&1 == 0 {
				continue
			}
			set := c.days.of(year, month)
			for ; day <= 31; day, hour, minute = day+1, 0, 0 {
				if set>>day&1 == 0 {
					continue
				}
				if slot, ok := c.inDay(year, month, day, hour, minute, after); ok {
					return slot.UTC(), true
				}
			}
		}
	}
	return time.Time{}, false
}

func (c *cron) inDay(year int, month time.Month, day, hour, minute int, after time.Time) (time.Time, bool) {
	for ; hour < 24; hour, minute = hour+1, 0 {
		if c.hours>>hour&1 == 0 {
			continue
		}
		for rest := c.minutes >> minute << minute; rest != 0; rest &= rest - 1 {
			m := bits.TrailingZeros64(rest)
			slot := time.Date(year, month, day, hour, m, 0, 0, c.zone)
			if slot.Hour() != hour || slot.Minute() != m {
				if c.skipping {
					continue
				}
				slot = afterGap(slot)
			}
			slot = first(slot)
			if slot.After(after) {
				return slot, true
			}
		}
	}
	return time.Time{}, false
}

// afterGap gives the first moment after the change of clocks near t, a time that time.Date made of a wall clock reading
// which the change left out.
func afterGap(t time.Time) time.Time {
	start, end := t.ZoneBounds()
	if !start.IsZero() && t.Sub(start) < 3*time.Hour {
		return start
	}
	return end
}

// first gives the first of the two moments that have t's reading when the clocks were set back; t itself otherwise.
func first(t time.Time) time.Time {
	start, _ := t.ZoneBounds()
	if start.IsZero() {
		return t
	}
	_, before := start.Add(-1).Zone()
	_, now := t.Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); now < before && earlier.Before(start) {
		return earlier
	}
	return t
}

// of gives the days of a month as bits 1 to 31.
func (d dayRule) of(year int, month time.Month) uint64 {
	begin := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	length := begin.AddDate(0, 1, -1).Day()
	weekday := func(day int) int { return int(begin.AddDate(0, 0, day-1).Weekday()) + 1 }
	all := uint64(1)<<(length+1) - 2
	switch {
	case d.lastWork:
		return 1 << workingDay(length, length, weekday)
	case d.nearest > length:
		return 0
	case d.nearest > 0:
		return 1 << workingDay(d.nearest, length, weekday)
	case d.nth > 0:
		day := 1 + (d.weekday-weekday(1)+7)%7 + 7*(d.nth-1)
		return uint64(1) << day & all
	case d.last && d.byWeekday:
		return 1 << (length - (weekday(length)-d.weekday+7)%7)
	case d.last:
		return 1 << length
	case !d.byWeekday:
		return d.set & all
	}
	var set uint64
	for day := 1; day <= length; day++ {
		if d.set>>weekday(day)&1 == 1 {
			set |= 1 << day
		}
	}
	return set
}

// workingDay gives the day from Monday to Friday nearest to day, within its month.
func workingDay(day, length int, weekday func(int) int) int {
	switch weekday(day) {
	case 7: // Saturday
		if day == 1 {
			return 3
		}
		return day - 1
	case 1: // Sunday
		if day == length {
			return day - 2
		}
		return day + 1
	}
	return day
}

func names(list string, from int) map[string]int {
	m := map[string]int{}
	for i, name := range strings.Fields(list) {
		m[name] = from + i
	}
	return m
}
