// Package epoch is time as AWS's JSON protocols write it.
package epoch

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// Time is written as seconds since 1970, with a fraction; texts by RFC 3339 are read too, as templates have them.
type Time time.Time

// Std gives the time as the standard library has it.
func (t Time) Std() time.Time { return time.Time(t) }

// IsZero leaves times that are not known out of answers.
func (t Time) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Time(t).UnixMilli()) / 1000)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil {
		var text time.Time
		if json.Unmarshal(b, &text) != nil {
			return err
		}
		*t = Time(text)
		return nil
	}
	if math.Abs(seconds) > 1<<40 {
		return errors.New("time is out of range")
	}
	whole, fraction := math.Modf(seconds)
	*t = Time(time.Unix(int64(whole), int64(math.Round(fraction*1e3))*1e6).UTC())
	return nil
}
