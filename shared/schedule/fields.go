package schedule

import (
	"strconv"
	"strings"
	"time"
)

// field is what one field of a cron expression may hold.
type field struct {
	name      string
	low, high int
	names     map[string]int
}

func parseCron(expression, body string, zone *time.Location) (*cron, error) {
	parts := strings.Fields(strings.ToUpper(body))
	if len(parts) != 6 {
		return nil, &Error{expression, "six fields: minutes hours day-of-month month day-of-week year"}
	}
	if (parts[2] == "?") == (parts[4] == "?") {
		return nil, &Error{expression, "? in exactly one of day-of-month and day-of-week"}
	}
	c := &cron{zone: zone}
	p := fieldParser{expression: expression}
	c.minutes = p.bits(parts[0], field{"minutes", 0, 59, nil})
	c.hours = p.bits(parts[1], field{"hours", 0, 23, nil})
	c.months = p.bits(parts[3], field{"month", 1, 12, names("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", 1)})
	p.each(parts[5], field{"year", firstYear, lastYear, nil}, func(y int) { c.years[y-firstYear] = true })
	if parts[4] == "?" {
		c.days = p.dayOfMonth(parts[2])
	} else {
		c.days = p.dayOfWeek(parts[4])
	}
	if p.err != nil {
		return nil, p.err
	}
	return c, nil
}

// fieldParser keeps the first error.
type fieldParser struct {
	expression string
	err        error
}

func (p *fieldParser) fail(expected string) {
	if p.err == nil {
		p.err = &Error{p.expression, expected}
	}
}

func (p *fieldParser) dayOfMonth(s string) dayRule {
	f := field{"day-of-month", 1, 31, nil}
	switch {
	case s == "L":
		return dayRule{last: true}
	case s == "LW":
		return dayRule{lastWork: true}
	case strings.HasSuffix(s, "W"):
		return dayRule{nearest: p.number(strings.TrimSuffix(s, "W"), f)}
	}
	return dayRule{set: p.bits(s, f)}
}

func (p *fieldParser) dayOfWeek(s string) dayRule {
	f := field{"day-of-week", 1, 7, names("SUN MON TUE WED THU FRI SAT", 1)}
	if s == "L" {
		return dayRule{byWeekday: true, set: 1 << 7}
	}
	if day, nth, ok := strings.Cut(s, "#"); ok {
		return dayRule{byWeekday: true, weekday: p.number(day, f), nth: p.number(nth, field{"day-of-week behind #", 1, 5, nil})}
	}
	if day, ok := strings.CutSuffix(s, "L"); ok {
		return dayRule{byWeekday: true, last: true, weekday: p.number(day, f)}
	}
	return dayRule{byWeekday: true, set: p.bits(s, f)}
}

func (p *fieldParser) bits(s string, f field) uint64 {
	var set uint64
	p.each(s, f, func(n int) { set |= 1 << n })
	return set
}

// each calls add with every number of a list like 1,5-10,0/15,*.
func (p *fieldParser) each(s string, f field, add func(int)) {
	for item := range strings.SplitSeq(s, ",") {
		span, stepText, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			step = p.number(stepText, field{"the step of " + f.name, 1, f.high, nil})
		}
		low, high := f.low, f.high
		if span != "*" {
			from, to, isRange := strings.Cut(span, "-")
			low = p.number(from, f)
			switch {
			case isRange:
				high = p.number(to, f)
			case !stepped:
				high = low
			}
		}
		if p.err != nil {
			return
		}
		if low > high { // FRI-MON goes around the end
			high += f.high - f.low + 1
		}
		for n := low; n <= high; n += step {
			add(f.low + (n-f.low)%(f.high-f.low+1))
		}
	}
}

func (p *fieldParser) number(s string, f field) int {
	if n, ok := f.names[s]; ok {
		return n
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < f.low || n > f.high || s[0] == '+' {
		p.fail(f.name + " from " + strconv.Itoa(f.low) + " to " + strconv.Itoa(f.high))
		return f.low
	}
	return n
}
