package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
)

// micro is a number in millionths. EventBridge compares numbers of up to five billion, with six digits behind the point.
type micro int64

const (
	maxNumber   = 5e9
	rangeReason = "Value must be between -5.0E9 and 5.0E9, inclusive"
)

// parseMicro reads a JSON number; ok is false when AWS does not compare it by value.
func parseMicro(s string) (n micro, ok bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(f) > maxNumber {
		return 0, false
	}
	return micro(math.Round(f * 1e6)), true
}

// decode reads one JSON value with numbers as written and nothing behind it.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON value")
	}
	return nil
}
