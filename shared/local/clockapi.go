package local

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"opsflow/shared/local/clock"
)

// clockAPI tells the time (GET) and moves it (POST {"advance":"24h"}), which answers when the system is idle again.
func clockAPI(c *clock.Clock) http.HandlerFunc {
	show := func(w http.ResponseWriter) {
		writeJSON(w, http.StatusOK, map[string]any{"now": c.Now(), "virtual": c.IsVirtual()})
	}
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			show(w)
		case http.MethodPost:
			var in struct {
				Advance string `json:"advance"`
			}
			dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&in); err != nil {
				devError(w, http.StatusBadRequest, "invalid", `the body must be like {"advance":"24h"}: `+err.Error())
				return
			}
			d, err := time.ParseDuration(in.Advance)
			if err != nil || d < 0 {
				devError(w, http.StatusBadRequest, "invalid", "advance must be a duration like 90m or 24h, got "+in.Advance)
				return
			}
			if err := c.Advance(r.Context(), d); err != nil {
				if errors.Is(err, clock.ErrReal) {
					devError(w, http.StatusConflict, "conflict", err.Error())
				}
				return // else the caller has gone
			}
			show(w)
		default:
			w.Header().Set("Allow", "GET, POST")
			devError(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not allowed here")
		}
	}
}
