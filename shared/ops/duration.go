package ops

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of clock time ("90m", "24h") or of business time ("8bh": eight business hours). Written in JSON
// as that text.
type Duration struct {
	D        time.Duration
	Business bool
}

// ParseDuration reads Go's notation, or hours of business time as a number followed by "bh". It is never negative.
func ParseDuration(s string) (Duration, error) {
	if n, ok := strings.CutSuffix(s, "bh"); ok {
		h, err := strconv.ParseFloat(n, 64)
		if err != nil || strings.Trim(n, ".0123456789") != "" || h > 24*365*10 {
			return Duration{}, fmt.Errorf("%q is not a number of business hours", s)
		}
		return Duration{D: time.Duration(h * float64(time.Hour)), Business: true}, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return Duration{}, fmt.Errorf("%q is not a duration like 90m, 24h or 8bh", s)
	}
	return Duration{D: d}, nil
}

// IsZero reports whether the duration is nothing.
func (d Duration) IsZero() bool { return d.D == 0 }

func (d Duration) String() string {
	if d.Business {
		return strconv.FormatFloat(d.D.Hours(), 'f', -1, 64) + "bh"
	}
	s := d.D.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "" {
		return "0s"
	}
	return s
}

// MarshalJSON writes the text form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads the text form.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is a text like \"24h\" or \"8bh\": %w", err)
	}
	v, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = v
	return nil
}
