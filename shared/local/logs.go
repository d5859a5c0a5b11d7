package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/logs"
	"opsflow/shared/ops"
)

// openLogs opens what functions said in earlier runs, for more of it.
func (rt *Runtime) openLogs(context.Context) error {
	o := logs.Options{Echo: rt.o.Echo, Now: time.Now}
	if rt.o.Data != "" {
		o.Dir = filepath.Join(rt.o.Data, "logs")
	}
	var err error
	if rt.logs, err = logs.Open(o); err != nil {
		return err
	}
	rt.onClose(rt.logs.Close)
	return nil
}

// functionLogger is the logger of the handlers in this process: their logs get what they log, and the terminal what is a
// warning or worse, unless it shows their logs.
func (rt *Runtime) functionLogger() *slog.Logger {
	return slog.New(lambda.LogHandler(rt.o.Logger.Handler(), rt.o.Echo == nil))
}

// How many lines of the logs are shown at most, and how long a request may wait for the next.
const (
	maxLines    = 10_000
	longestWait = 25 * time.Second
)

// showLogs gives what functions said: ?function=NAME (or the folder it is built from) &since=10m &limit=LINES. The answer's
// next, given as ?after= with &wait=20s, gives what is said after that, as soon as something is.
func (rt *Runtime) showLogs(w http.ResponseWriter, r *http.Request) {
	q, limit, wait, err := rt.logQuery(r)
	if err != nil {
		httpapi.Refuse(w, r, err)
		return
	}
	timeout := time.After(wait)
	for {
		changed := rt.logs.Changed()
		lines, next, err := rt.logs.Read(q)
		if err != nil {
			rt.o.Logger.ErrorContext(r.Context(), "logs not read", "error", err)
			httpapi.Refuse(w, r, err)
			return
		}
		if len(lines) > 0 || wait == 0 {
			writeJSON(w, http.StatusOK, map[string]any{"items": last(lines, limit), "next": cursor(next)})
			return
		}
		q.After = next
		select {
		case <-changed:
		case <-timeout:
			wait = 0
		case <-rt.ending.Done():
			wait = 0
		case <-r.Context().Done():
			return
		}
	}
}

// last gives the last lines, and a list even if there are none.
func last(lines []logs.Line, limit int) []logs.Line {
	return append([]logs.Line{}, lines[max(len(lines)-limit, 0):]...)
}

func (rt *Runtime) logQuery(r *http.Request) (q logs.Query, limit int, wait time.Duration, err error) {
	given := r.URL.Query()
	bad := func(path, got, expected string) error {
		return &ops.Error{Code: ops.CodeInvalid, Message: "the query is not valid", Faults: []ops.Fault{{Path: path, Got: got, Expected: expected}}}
	}
	if name := given.Get("function"); name != "" {
		if q.Function, err = rt.logOf(name); err != nil {
			return q, 0, 0, err
		}
	}
	limit = maxLines
	if text := given.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxLines {
			return q, 0, 0, bad("limit", text, "1 to "+strconv.Itoa(maxLines))
		}
	}
	if text := given.Get("since"); text != "" {
		ago, err := time.ParseDuration(text)
		if err != nil || ago < 0 {
			return q, 0, 0, bad("since", text, "how long ago, such as 10m")
		}
		q.Since = time.Now().Add(-ago)
	}
	if text := given.Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > longestWait {
			return q, 0, 0, bad("wait", text, "how long to wait for a line, up to "+longestWait.String())
		}
	}
	if text := given.Get("after"); text != "" {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || json.Unmarshal(b, &q.After) != nil {
			return q, 0, 0, bad("after", text, "the next of an earlier answer")
		}
	}
	return q, limit, wait, nil
}

// cursor makes the token of where the logs ended.
func cursor(next map[string]int64) string {
	b, err := json.Marshal(next)
	if err != nil { // numbers always marshal
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// logOf finds the function that is meant: by its name, or by the rest of it behind the stack's prefix.
func (rt *Runtime) logOf(name string) (string, error) {
	all := rt.logs.Functions()
	if slices.Contains(all, name) {
		return name, nil
	}
	for _, f := range all {
		if strings.HasSuffix(f, "-"+name) {
			return f, nil
		}
	}
	return "", ops.Errorf(ops.CodeNotFound, "there is no function %s: there are %s", name, strings.Join(all, ", "))
}
