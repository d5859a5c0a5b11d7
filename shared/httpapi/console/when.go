package console

import (
	"strconv"
	"time"
)

// when is a time as pages show it: how long ago or until, with the exact time behind it.
type when struct{ t, now time.Time }

// IsZero reports whether there is no time to show.
func (w when) IsZero() bool { return w.t.IsZero() }

// Past reports whether it is over.
func (w when) Past() bool { return w.t.Before(w.now) }

// Machine is the time for <time datetime>.
func (w when) Machine() string { return w.t.UTC().Format(time.RFC3339) }

// Exact is the time for people, in UTC.
func (w when) Exact() string { return w.t.UTC().Format("2 Jan 2006, 15:04:05 UTC") }

// Clock is the time of the day, with the day when it is another one.
func (w when) Clock() string {
	if y, m, d := w.now.UTC().Date(); w.t.UTC().Before(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) {
		return w.t.UTC().Format("2 Jan 15:04:05")
	}
	return w.t.UTC().Format("15:04:05")
}

// Relative is "4 min ago", "in 3 h", "just now". It is rounded so far that a page does not change every second.
func (w when) Relative() string {
	d := w.t.Sub(w.now)
	if d > 0 {
		if d < time.Minute {
			return "in under a minute"
		}
		return "in " + span(d)
	}
	if -d < time.Minute {
		return "just now"
	}
	return span(-d) + " ago"
}

// span is a duration in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.Itoa(int(d.Milliseconds())) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}
