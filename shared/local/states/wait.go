package states

import (
	"encoding/json"
	"strconv"
	"time"

	"opsflow/shared/local/states/value"
)

// maxWait is the longest a Wait state may wait.
const maxWait = 366 * 24 * time.Hour

func (x *execution) wait(t *thread, s *state, sc *scope) error {
	now := x.e.now()
	var until time.Time
	switch {
	case s.timestampPath != nil:
		v, err := s.timestampPath.lookup(sc)
		if err != nil {
			return err
		}
		at, ok := timestampOf(v)
		if !ok {
			return runtimeFailure("The TimestampPath parameter does not reference a valid ISO-8601 extended offset "+
				"date-time format string: %s == %s", s.timestampPath.text, plainText(v))
		}
		until = at
	case s.timestamp != "":
		until, _ = timestampOf(s.timestamp)
	default:
		seconds := s.seconds
		if s.secondsPath != nil {
			v, err := s.secondsPath.lookup(sc)
			if err != nil {
				return err
			}
			seconds = plainText(v)
		}
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil || n < 0 {
			return runtimeFailure("The SecondsPath parameter cannot be parsed as a long value: %s == %s", s.secondsPath.text, seconds)
		}
		until = now.Add(time.Duration(min(n, int64(maxWait/time.Second)+1)) * time.Second)
	}
	if until.Sub(now) > maxWait {
		return runtimeFailure("Wait state delay is too long.")
	}
	if !until.After(now) {
		return x.complete(t, s, sc.input)
	}
	// Rounded up: a timer never fires before its time.
	t.Phase, t.Wake = phaseWait, until.Add(time.Millisecond-1).UnixMilli()
	x.touch(t)
	return nil
}

func (x *execution) endWait(t *thread) {
	s := t.state()
	sc := x.scope(t)
	input := t.Input.V
	var err error
	switch {
	case s.noInput:
		input = value.NewObject(0)
	case s.inputPath != nil:
		input, err = s.inputPath.lookup(sc)
	}
	if err == nil {
		err = x.complete(t, s, input)
	}
	if err != nil {
		x.failState(t, s, x.asFailure(t, err))
	}
}

// plainText is a string without its quotes, and any other value as JSON.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return string(value.Text(v))
	}
}
