package rule

import (
	"strings"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// moment is a time, or a distance from now.
type moment struct {
	at       time.Time
	relative bool
	before   bool // now minus the distance
	distance ops.Duration
	calendar *calendar.Calendar
}

func (b *compiler) parseMoment(v *value) (moment, bool) {
	if v.kind != textKind {
		return moment{}, false
	}
	rest, ok := strings.CutPrefix(string(v.text), "now")
	if !ok {
		t, ok := parseTime(v)
		return moment{at: t}, ok
	}
	m := moment{relative: true, calendar: b.calendar}
	if rest == "" {
		return m, true
	}
	m.before = rest[0] == '-'
	if !m.before && rest[0] != '+' {
		return moment{}, false
	}
	var err error
	m.distance, err = ops.ParseDuration(rest[1:])
	return m, err == nil
}

// isMoment reports whether a literal is a time. As texts, times don't sort as they follow one another: their zones and
// fractions differ.
func (b *compiler) isMoment(v *value) bool {
	_, ok := b.parseMoment(v)
	return ok
}

// compare tells whether a time is before (-1), at or after the moment. That a time lies more than eight business hours back
// means that eight business hours from it are over.
func (m *moment) compare(at, now time.Time) int {
	switch {
	case !m.relative:
		return at.Compare(m.at)
	case m.before && m.distance.Business:
		return m.calendar.Deadline(at, m.distance).Compare(now)
	case m.before:
		return at.Compare(now.Add(-m.distance.D))
	}
	return at.Compare(m.calendar.Deadline(now, m.distance))
}

// show is the moment as a decision tells it: a time, or what is business time ago in words.
func (m *moment) show(now time.Time) string {
	switch {
	case m.before && m.distance.Business:
		return m.distance.String() + " before " + now.UTC().Format(time.RFC3339)
	case m.before:
		return now.Add(-m.distance.D).UTC().Format(time.RFC3339)
	}
	return m.calendar.Deadline(now, m.distance).UTC().Format(time.RFC3339)
}

// parseTime reads a text that is a time by RFC 3339.
func parseTime(v *value) (time.Time, bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if v.kind != textKind || len(v.text) < shortest || v.text[4] != '-' { // an error would cost an allocation
		return time.Time{}, false
	}
	var t time.Time
	if t.UnmarshalText(v.text) == nil {
		return t, true
	}
	t, err := time.Parse(time.RFC3339, string(v.text))
	return t, err == nil
}
