package local

import (
	"encoding/json"
	"net/http"
	"time"

	"opsflow/shared/ops"
)

// clockAPI tells the time (GET) and moves it (POST {"advance":"24h"}), which answers when the system is idle again.
func (rt *Runtime) clockAPI(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		rt.showClock(w)
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
		switch err := rt.advance(r.Context(), d); {
		case r.Context().Err() != nil: // the caller has gone
		case ops.ErrorCode(err) == ops.CodeConflict:
			devError(w, http.StatusConflict, "conflict", err.Error())
		case err != nil:
			devError(w, http.StatusInternalServerError, "internal", err.Error())
		default:
			rt.showClock(w)
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		devError(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not allowed here")
	}
}

func (rt *Runtime) showClock(w http.ResponseWriter) {
	c := rt.o.Clock
	writeJSON(w, http.StatusOK, map[string]any{"now": c.Now(), "virtual": c.IsVirtual(), "ahead": c.Ahead().Round(time.Second).String()})
}
