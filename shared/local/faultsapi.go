package local

import (
	"io"
	"net/http"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/faults"
)

// maxFaults is the largest list of faults that is taken, in bytes.
const maxFaults = 64 << 10

// setFaults replaces the faults, and shows them.
func (rt *Runtime) setFaults(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaults))
	var plan faults.Plan
	if err == nil {
		plan, err = faults.Parse(body)
	}
	if err != nil {
		httpapi.Refuse(w, r, err)
		return
	}
	rt.border.faults.Put(plan)
	rt.showFaults(w, r)
}

// showFaults tells what is set, and how often each happened.
func (rt *Runtime) showFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, rt.border.faults.Report())
}

// clearFaults ends all faults, and shows that there are none.
func (rt *Runtime) clearFaults(w http.ResponseWriter, r *http.Request) {
	rt.border.faults.Put(faults.Plan{})
	rt.showFaults(w, r)
}
