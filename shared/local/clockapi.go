package local

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// moveClock moves the time on, and answers when the system is idle again.
func (rt *Runtime) moveClock(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	var by time.Duration
	if err == nil {
		by, err = readAdvance(body)
	}
	if err == nil {
		err = rt.advance(r.Context(), by)
	}
	if err != nil {
		rt.o.Logger.WarnContext(r.Context(), "the time was not moved on", "error", err)
		httpapi.Refuse(w, r, err)
		return
	}
	rt.showClock(w, r)
}

// readAdvance reads {"advance":"24h"}.
func readAdvance(body []byte) (time.Duration, error) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return 0, ops.Invalid("request", []ops.Fault{{Path: "$", Expected: `an object like {"advance":"24h"}`, Got: ops.Shown(string(body))}})
	}
	var faults []ops.Fault
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "advance" {
			faults = append(faults, ops.Fault{Path: "$." + name, Expected: "absent: there is no such field", Got: ops.Shown(fields[name])})
		}
	}
	got := "nothing"
	if value, given := fields["advance"]; given {
		got = ops.Shown(value)
	}
	text, _ := fields["advance"].(string)
	by, err := time.ParseDuration(text)
	if err != nil || by < 0 {
		faults = append(faults, ops.Fault{Path: "$.advance", Expected: "a duration like 90m or 24h", Got: got})
	}
	return by, ops.Invalid("request", faults)
}

// showClock tells the time.
func (rt *Runtime) showClock(w http.ResponseWriter, _ *http.Request) {
	c := rt.o.Clock
	writeJSON(w, http.StatusOK, map[string]any{"now": c.Now(), "virtual": c.IsVirtual(), "ahead": c.Ahead().Round(time.Second).String()})
}
