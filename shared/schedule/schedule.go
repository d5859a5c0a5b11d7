// Package schedule is the schedule expressions of EventBridge: rate(5 minutes), cron(0 18 ? * MON-FRI *) and, for
// EventBridge Scheduler, at(2026-12-24T18:00:00).
//
// The fields and their limits are those of AWS's documentation ("Setting a schedule pattern" and "Schedule types in
// EventBridge Scheduler").
package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schedule gives the times at which something is to happen. It is safe for concurrent use.
type Schedule interface {
	// Next gives the first slot strictly after t, in UTC; ok is false when there is none. The slots of a rate follow
	// from the time asked about: t, in whole minutes, and one period.
	Next(t time.Time) (slot time.Time, ok bool)
}

// Error says why an expression is refused.
type Error struct {
	Expression string
	Expected   string
}

func (e *Error) Error() string {
	return fmt.Sprintf("schedule %q: expected %s", e.Expression, e.Expected)
}

// ParseRule reads the schedule of a rule: rate or cron, in UTC. Errors are *Error.
func ParseRule(expression string) (Schedule, error) {
	if strings.HasPrefix(expression, "at(") {
		return nil, &Error{expression, "rate(...) or cron(...)"}
	}
	return Parse(expression, time.UTC)
}

// Parse reads a schedule in the language of EventBridge Scheduler: rate, cron or at, where cron and at are in a time zone. A
// slot that a change of the clocks leaves out happens at the first moment after the gap; one that occurs twice happens once,
// the first time. Errors are *Error.
func Parse(expression string, zone *time.Location) (Schedule, error) {
	return parse(expression, zone, false)
}

// ParseSkipping is Parse as EventBridge Scheduler itself does: a slot that a change of the clocks leaves out does not happen.
func ParseSkipping(expression string, zone *time.Location) (Schedule, error) {
	return parse(expression, zone, true)
}

func parse(expression string, zone *time.Location, skipping bool) (Schedule, error) {
	kind, rest, ok := strings.Cut(expression, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed {
		return nil, &Error{expression, "rate(value unit), cron(minutes hours day-of-month month day-of-week year) or at(time)"}
	}
	switch kind {
	case "rate":
		return parseRate(expression, body)
	case "cron":
		c, err := parseCron(expression, body, zone)
		if err != nil {
			return nil, err
		}
		c.skipping = skipping
		return c, nil
	case "at":
		t, err := time.ParseInLocation("2006-01-02T15:04:05", body, zone)
		if err != nil {
			return nil, &Error{expression, "a time like at(2026-12-24T18:00:00)"}
		}
		if skipping && t.Format("2006-01-02T15:04:05") != body {
			return never{}, nil
		}
		return once(t.UTC()), nil
	}
	return nil, &Error{expression, "rate(...), cron(...) or at(...)"}
}

type once time.Time

func (o once) Next(t time.Time) (time.Time, bool) { return time.Time(o), time.Time(o).After(t) }

type never struct{}

func (never) Next(time.Time) (slot time.Time, ok bool) { return time.Time{}, false }

type rate time.Duration

func (r rate) Next(t time.Time) (time.Time, bool) {
	return t.UTC().Truncate(time.Minute).Add(time.Duration(r)), true
}

func parseRate(expression, body string) (Schedule, error) {
	fields := strings.Fields(body)
	if len(fields) != 2 {
		return nil, &Error{expression, "a number and a unit, like rate(5 minutes)"}
	}
	n, err := strconv.ParseInt(fields[0], 10, 32)
	if err != nil || n < 1 {
		return nil, &Error{expression, "a positive whole number before the unit"}
	}
	unit, plural := strings.CutSuffix(fields[1], "s")
	if plural != (n != 1) {
		return nil, &Error{expression, "a unit in the singular after 1 and in the plural after any other number"}
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	d, ok := units[unit]
	if !ok {
		return nil, &Error{expression, "the unit minute, minutes, hour, hours, day or days"}
	}
	if n > int64(1<<62/d) {
		return nil, &Error{expression, "a shorter period"}
	}
	return rate(time.Duration(n) * d), nil
}
