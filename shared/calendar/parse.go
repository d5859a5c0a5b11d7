package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Parse makes a calendar of a time zone's IANA name ("Asia/Dubai"), the open hours ("Mon-Thu 09:00-17:00, Fri
// 09:00-12:00"; a day may be named more than once) and the holidays ("2026-12-02, 2026-12-03"). An empty zone is UTC, empty
// hours are Default's. The error names everything that is wrong.
func Parse(zone, hours, holidays string) (*Calendar, error) {
	c := Default()
	var wrong []error
	var err error
	if c.zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		wrong = append(wrong, fmt.Errorf("business zone %q: want an IANA time zone like Asia/Dubai", zone))
	}
	if strings.TrimSpace(hours) != "" {
		c.hours = [7][]span{}
		for part := range parts(hours) {
			if err := c.addHours(part); err != nil {
				wrong = append(wrong, err)
			}
		}
		for day := range c.hours {
			if err := order(c.hours[day]); err != nil {
				wrong = append(wrong, fmt.Errorf("business hours of %s: %w", time.Weekday(day), err))
			}
		}
	}
	for part := range parts(holidays) {
		if _, err := time.Parse(dayFormat, part); err != nil {
			wrong = append(wrong, fmt.Errorf("holiday %q: want a date like 2026-12-25", part))
			continue
		}
		if c.holidays == nil {
			c.holidays = map[string]bool{}
		}
		c.holidays[part] = true
	}
	if !slices.ContainsFunc(c.hours[:], func(spans []span) bool { return len(spans) > 0 }) {
		wrong = append(wrong, errors.New("business hours: want at least one day"))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return c, nil
}

// parts gives what stands between commas.
func parts(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" && !yield(part) {
				return
			}
		}
	}
}

// addHours takes over one part of the hours: "Mon-Fri 09:00-17:00".
func (c *Calendar) addHours(part string) error {
	fault := fmt.Errorf("business hours %q: want days and hours like Mon-Fri 09:00-17:00", part)
	days, times, ok := strings.Cut(part, " ")
	from, to, ok2 := strings.Cut(strings.TrimSpace(times), "-")
	if !ok || !ok2 {
		return fault
	}
	first, last, ranged := strings.Cut(days, "-")
	if !ranged {
		last = first
	}
	begin, ok := weekday(first)
	end, ok2 := weekday(last)
	opens, ok3 := clockTime(from)
	closes, ok4 := clockTime(to)
	if !ok || !ok2 || !ok3 || !ok4 || opens >= closes {
		return fault
	}
	for day := begin; ; day = (day + 1) % 7 {
		c.hours[day] = append(c.hours[day], span{opens, closes})
		if day == end {
			return nil
		}
	}
}

// order sorts a day's spans. No two may share a time.
func order(spans []span) error {
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return errors.New("two of them overlap")
		}
	}
	return nil
}

// weekday reads "Mon" or "Monday", in any case.
func weekday(s string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(s, day.String()) || strings.EqualFold(s, day.String()[:3]) {
			return day, true
		}
	}
	return 0, false
}

// clockTime reads "09:00" to "24:00" as the time since midnight.
func clockTime(s string) (time.Duration, bool) {
	if s == "24:00" {
		return 24 * time.Hour, true
	}
	t, err := time.Parse("15:04", s)
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil
}
