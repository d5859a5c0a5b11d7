package scheduler

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/local/events"
	"opsflow/shared/schedule"
)

// every is a rate: slots from a time on, the first one at that time.
type every struct {
	base   time.Time
	period time.Duration
}

func (e every) Next(t time.Time) (slot time.Time, ok bool) {
	if t.Before(e.base) {
		return e.base, true
	}
	since := t.Sub(e.base)
	return t.Add(e.period - since%e.period), true
}

var (
	ratePattern = regexp.MustCompile(`^rate\(([1-9][0-9]{0,9}) (minute|hour|day)s?\)$`)
	units       = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
)

// times gives the schedule's times. Unlike that of a rule, a rate begins at once, and its unit may stand in the plural or not.
func (s *Schedule) times() (schedule.Schedule, error) {
	if strings.HasPrefix(s.Expression, "rate(") {
		m := ratePattern.FindStringSubmatch(s.Expression)
		if m == nil {
			return nil, fmt.Errorf("%s is no rate", s.Expression)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > int64(1<<62/units[m[2]]) {
			return nil, fmt.Errorf("%s is too long", s.Expression)
		}
		return every{s.Base, time.Duration(n) * units[m[2]]}, nil
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return nil, err
	}
	return schedule.ParseSkipping(s.Expression, zone)
}

// plan sets the first time of a schedule that is new, changed or was not looked after for a while.
func (e *Engine) plan(s *Schedule, now time.Time) error {
	from := now
	if !s.once() && s.Start.After(now) {
		from = s.Start
	}
	isRate := strings.HasPrefix(s.Expression, "rate(")
	if s.once() || isRate && s.Base.Equal(from) || from.Equal(s.Start) {
		from = from.Add(-1) // that very moment counts
	}
	return s.after(from, e)
}

// after sets the next time after another.
func (s *Schedule) after(t time.Time, e *Engine) error {
	s.Slot, s.Fire = time.Time{}, time.Time{}
	times, err := s.times()
	if err != nil {
		return err
	}
	slot, ok := times.Next(t)
	if !ok || !s.once() && !s.End.IsZero() && slot.After(s.End) {
		return nil
	}
	s.Slot, s.Fire = slot, slot
	if s.Window > 0 {
		within, err := e.random(time.Duration(s.Window) * time.Minute)
		if err != nil {
			return err
		}
		s.Fire = slot.Add(within)
	}
	return nil
}

// random gives a duration below another one, in whole seconds.
func (e *Engine) random(below time.Duration) (time.Duration, error) {
	var b [8]byte
	if _, err := io.ReadFull(e.o.Random, b[:]); err != nil {
		return 0, fmt.Errorf("choose a moment: %w", err)
	}
	return time.Duration(binary.BigEndian.Uint64(b[:])%uint64(below/time.Second)) * time.Second, nil //nolint:gosec // a window is positive
}

// errand is what is delivered at the schedule's time.
func (e *Engine) errand(s *Schedule) (events.Errand, error) {
	var b [8]byte
	if _, err := io.ReadFull(e.o.Random, b[:]); err != nil {
		return events.Errand{}, fmt.Errorf("make an id: %w", err)
	}
	id, at := hex.EncodeToString(b[:]), s.Slot.UTC().Format(time.RFC3339)
	r := events.Errand{Schedule: s.ARN, Slot: s.Slot, ID: id, Target: events.Target{
		ARN: s.Target.ARN, RoleARN: s.Target.RoleARN, DeadLetterConfig: s.Target.DeadLetterConfig, RetryPolicy: s.Target.RetryPolicy,
		SQSParameters: s.Target.SQSParameters,
	}}
	if p := s.Target.EventBridgeParameters; p != nil {
		r.Source, r.DetailType = p.Source, p.DetailType
	}
	r.Target.Input = strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", s.ARN, "<aws.scheduler.scheduled-time>", at, "<aws.scheduler.execution-id>", id,
	).Replace(s.Target.Input)
	if s.Target.Input != "" {
		return r, nil
	}
	if r.Source != "" { // an event without a detail
		r.Target.Input = "{}"
		return r, nil
	}
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": "Scheduled Event", "source": "aws.scheduler", "account": e.o.Account,
		"time": at, "region": e.o.Region, "resources": []string{s.ARN}, "detail": "{}",
	})
	r.Target.Input = string(text)
	return r, err
}
