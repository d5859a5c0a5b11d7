// Package calendar knows when business is open, and counts time by it: deadlines in business hours, and how much of one is
// left.
package calendar

import (
	"iter"
	"time"

	"opsflow/shared/ops"
)

// Calendar says when business is open: hours of the weekdays, on the wall clock of one time zone, less holidays. It never
// changes and is safe for concurrent use. The zero value is never open and not to be used: see Parse and Default.
type Calendar struct {
	zone     *time.Location
	hours    [7][]span // by weekday, Sunday first; in order and apart
	holidays map[string]bool
}

// span is a part of a day on the wall clock, from its midnight.
type span struct{ from, to time.Duration }

// dayFormat is how holidays are written.
const dayFormat = "2006-01-02"

// Default is Monday to Friday, 9:00 to 17:00 UTC.
func Default() *Calendar {
	c := &Calendar{zone: time.UTC}
	for day := time.Monday; day <= time.Friday; day++ {
		c.hours[day] = []span{{9 * time.Hour, 17 * time.Hour}}
	}
	return c
}

// Zone is the time zone of business; of no calendar, UTC.
func (c *Calendar) Zone() *time.Location {
	if c == nil {
		return time.UTC
	}
	return c.zone
}

// Deadline is the time d after from, in UTC. Business time passes only while business is open: eight business hours after
// Friday 16:00 may be Monday 16:00. When business time is up just as business closes, that is the deadline.
func (c *Calendar) Deadline(from time.Time, d ops.Duration) time.Time {
	if !d.Business {
		return from.Add(d.D)
	}
	left := d.D
	for opens, closes := range c.open(from) {
		if open := closes.Sub(opens); left > open {
			left -= open
			continue
		}
		return opens.Add(left).UTC()
	}
	return from.UTC() // never: the open times have no end
}

// Elapsed is how much business time passes from one time to a later one; 0 when the other is not later.
func (c *Calendar) Elapsed(from, to time.Time) time.Duration {
	var passed time.Duration
	if !to.After(from) {
		return 0
	}
	for opens, closes := range c.open(from) {
		if !opens.Before(to) {
			break
		}
		passed += earlier(closes, to).Sub(opens)
	}
	return passed
}

// Left is what is left at a time until a deadline, in the kind of time that the deadline was given in; nothing when it has
// passed. Who stops a clock keeps this, and lets it run on with Deadline.
func (c *Calendar) Left(at, due time.Time, business bool) ops.Duration {
	if business {
		return ops.Duration{D: c.Elapsed(at, due), Business: true}
	}
	return ops.Duration{D: max(0, due.Sub(at))}
}

// IsOpen reports whether business is open at a time. It is at the very moment of opening, and no more at that of closing.
func (c *Calendar) IsOpen(at time.Time) bool {
	for opens := range c.open(at) {
		return opens.Equal(at)
	}
	return false
}

// open gives the times from a time on in which business is open, as opening and closing, without an end. It walks through
// stretches in which it is one day and the zone keeps its distance from UTC: inside of those, the wall clock runs as time
// does. So an hour that the clock shows twice counts twice, and one that it leaves out does not count.
func (c *Calendar) open(from time.Time) iter.Seq2[time.Time, time.Time] {
	return func(yield func(opens, closes time.Time) bool) {
		var day [len(dayFormat)]byte // rules ask for deadlines often: nothing is allocated
		for at := from; ; {
			local := at.In(c.zone)
			_, seconds := local.Zone()
			offset := time.Duration(seconds) * time.Second
			wall := at.UTC().Add(offset)
			midnight := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC).Add(-offset)
			end := midnight.Add(24 * time.Hour)
			if _, changes := local.ZoneBounds(); !changes.IsZero() {
				end = earlier(end, changes)
			}
			if !c.holidays[string(wall.AppendFormat(day[:0], dayFormat))] {
				for _, s := range c.hours[wall.Weekday()] {
					opens, closes := later(at, midnight.Add(s.from)), earlier(end, midnight.Add(s.to))
					if opens.Before(closes) && !yield(opens, closes) {
						return
					}
				}
			}
			at = end
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
