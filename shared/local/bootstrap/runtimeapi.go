package bootstrap

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"opsflow/shared/local/lambda"
)

// maxResponse is the largest answer of a function, in bytes.
const maxResponse = 6 << 20

// runtimeAPI serves the Runtime API of every process, each below its own id.
func (p *Pool) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	const base = "/{worker}/2018-06-01/runtime/"
	mux.HandleFunc("GET "+base+"invocation/next", p.withWorker(next))
	mux.HandleFunc("POST "+base+"invocation/{id}/response", p.withWorker(respond))
	mux.HandleFunc("POST "+base+"invocation/{id}/error", p.withWorker(fail))
	mux.HandleFunc("POST "+base+"init/error", p.withWorker(func(w *worker, res http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(res, req.Body, maxResponse)) // the process ends now, whatever it said
		p.log.Error("a bootstrap could not begin", "function", w.function.Name, "error", string(body))
		res.WriteHeader(http.StatusAccepted)
	}))
	return mux
}

func (p *Pool) withWorker(h func(*worker, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(res http.ResponseWriter, req *http.Request) {
		p.mu.Lock()
		w := p.workers[req.PathValue("worker")]
		p.mu.Unlock()
		if w == nil {
			http.Error(res, "no such process", http.StatusForbidden)
			return
		}
		h(w, res, req)
	}
}

// next hands the process its next invocation, once there is one.
func next(w *worker, res http.ResponseWriter, req *http.Request) {
	select {
	case j := <-w.jobs:
		w.mu.Lock()
		w.job = j
		w.mu.Unlock()
		h := res.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", j.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(j.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", w.function.ARN)
		_, _ = res.Write(j.payload) // a process that is gone is seen by its exit
	case <-w.exited:
	case <-req.Context().Done():
	}
}

func respond(w *worker, res http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(res, req.Body, maxResponse))
	r := result{payload: body}
	if err != nil {
		r = result{failure: failure("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")}
	}
	finish(w, res, req, r)
}

func fail(w *worker, res http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(res, req.Body, maxResponse)) // what did not come is not told
	said := struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{Type: req.Header.Get("Lambda-Runtime-Function-Error-Type")}
	if err := json.Unmarshal(body, &said); err != nil {
		finish(w, res, req, result{failure: failure("Runtime.Unknown", "the function failed without saying why")})
		return
	}
	finish(w, res, req, result{failure: &lambda.FunctionError{Type: said.Type, Message: said.Message, Payload: body}})
}

// finish answers the invocation that the process was given last.
func finish(w *worker, res http.ResponseWriter, req *http.Request, r result) {
	w.mu.Lock()
	j := w.job
	if j != nil && j.id == req.PathValue("id") {
		w.job = nil
	} else {
		j = nil
	}
	w.mu.Unlock()
	if j == nil {
		http.Error(res, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	j.done <- r
	res.WriteHeader(http.StatusAccepted)
}
