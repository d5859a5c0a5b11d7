package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/tour"
	"opsflow/shared/ops"
)

// busyDay is a day in which every function has something to do: the guided tour, a bulk operation, a dead letter. At its
// end some workflows wait for somebody in their second attempt.
func (s *system) busyDay(rt *local.Runtime) tour.Summary {
	s.t.Helper()
	t, err := tour.New(s.t.Context(), func(_ context.Context, method, path, token string, body []byte) (json.RawMessage, error) {
		var in any
		if body != nil {
			in = string(body)
		}
		res := s.request(method, path, token, in)
		if res.status >= http.StatusMultipleChoices {
			return nil, fmt.Errorf("%s %s: %d %s", method, path, res.status, res.body)
		}
		return res.body, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := t.Play(s.t.Context(), 0, func(time.Time, string, float64) {}); err != nil {
		s.t.Fatal(err)
	}
	s.token = s.tokenFor("ada", "admin") // the one of yesterday has expired
	if err := rt.Letters(s.t.Context(), "opsflow-background-dead-letters", `{"left":"by hand"}`); err != nil {
		s.t.Fatal(err)
	}
	for _, w := range s.workflows("status=waiting_approval") {
		for _, move := range []string{"pause", "resume"} { // what belongs to its first attempt is late from here on
			s.post("/v1/workflows/"+w.ID+"/"+move, object{"reason": "to see"}, http.StatusOK, nil)
		}
	}
	s.advance("5m")
	s.bulk(http.StatusAccepted, object{"action": "alert.acknowledge", "filter": object{"status": "open"}})
	s.advance("1h")
	sum, err := t.Summary(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return sum
}

// records are all that there is, each as the API shows it whole. How often an event was delivered is left out: that is
// kept, and meant to be.
func (s *system) records() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	keep := func(id string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		all[id] = string(b)
	}
	for _, kind := range []string{"workflows", "tasks", "alerts", "notifications", "events", "undelivered", "bulk", "vendors"} {
		for _, item := range s.pages("/v1/"+kind, 100) {
			path := fmt.Sprintf("/v1/%s/%v", kind, item["id"])
			whole := object{}
			s.get(path, &whole)
			switch kind {
			case "workflows": // a step that still waits is expected to end later, as time goes by
				for _, field := range []string{"eta", "updated_at", "version"} {
					delete(whole, field)
				}
			case "events":
				decisions, _ := whole["decisions"].([]any)
				whole["decisions"] = slices.DeleteFunc(decisions, func(d any) bool {
					decision, ok := d.(object)
					return ok && decision["reason"] == "duplicate"
				})
				for _, field := range []string{"deliveries", "delivered"} {
					delete(whole, field)
				}
			case "vendors":
				var score object
				s.get(path+"/score", &score)
				whole["score"] = score
			}
			keep(path, whole)
		}
	}
	keep("audit", s.pages("/v1/audit", 100))
	keep("outbox", s.outbox())
	keep("executions", s.executions())
	return all
}

// handled are the functions that something is delivered to, by their folders. The API is not among them: its callers say by
// an Idempotency-Key what is the same.
func handled() []string {
	return []string{
		"match-rules", "run-steps", "open-task", "record-outcome", "sweep-due", "deliver-notification", "score-vendor",
		"process-bulk", "keep-undelivered",
	}
}

// gist counts what a day came to, whatever its ids.
func (s *system) gist(sum tour.Summary) map[string]string {
	s.t.Helper()
	of := map[string]string{"executions": strconv.Itoa(s.executions())}
	for kind, counts := range map[string]any{"events sent": sum.Events, "workflows": sum.Workflows, "tasks": sum.Tasks, "alerts": sum.Alerts, "messages": sum.Messages} {
		of[kind] = fmt.Sprint(counts)
	}
	for _, kind := range []string{"workflows", "tasks", "alerts", "notifications", "events", "undelivered", "bulk", "audit"} {
		of["all "+kind] = strconv.Itoa(len(s.pages("/v1/"+kind, 100)))
	}
	alerted, tries, entries := 0.0, 0, 0
	for _, a := range s.pages("/v1/alerts", 100) {
		n, _ := a["count"].(float64)
		alerted += n
	}
	for _, w := range s.pages("/v1/workflows", 100) {
		var i ops.Instance
		s.get("/v1/workflows/"+fmt.Sprint(w["id"]), &i)
		for _, step := range i.Steps {
			tries += step.Tries
		}
		entries += len(s.pages("/v1/workflows/"+i.ID+"/history", 100))
	}
	of["causes of alerts"], of["tries of steps"], of["entries of histories"] = fmt.Sprint(alerted), strconv.Itoa(tries), strconv.Itoa(entries)
	sent := map[string]int{}
	for _, m := range s.outbox() {
		sent[m.Channel]++
	}
	of["outbox"] = fmt.Sprint(sent)
	for _, v := range s.pages("/v1/vendors", 100) {
		if id := fmt.Sprint(v["id"]); strings.Count(id, "-") == 1 { // one of the demo's
			var score object
			s.get("/v1/vendors/"+id+"/score", &score)
			of["score of "+id] = fmt.Sprint(score["parts"])
		}
	}
	return of
}

// instanceOf is the workflow of a task.
func (s *system) instanceOf(task object) (i instance) {
	s.t.Helper()
	s.get("/v1/workflows/"+fmt.Sprint(task["instance"]), &i)
	return i
}

// outbox is what landed on this machine.
func (s *system) outbox() []local.Message {
	s.t.Helper()
	var box struct{ Items []local.Message }
	s.get("/dev/outbox", &box)
	return box.Items
}

// sameAs tells each thing that is not as it was.
func sameAs(t *testing.T, when string, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if got[name] != want[name] {
			t.Errorf("%s %s is\n%s\nwant\n%s", when, name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s there are %d things, want %d", when, len(got), len(want))
	}
}

func TestEachFunctionSurvivesADuplicateAndALateDelivery(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (*local.Runtime, *system) {
		t.Helper()
		o := options()
		o.Clock = clock.Virtual(time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC))
		rt := start(t, o)
		return rt, newSystem(t, rt)
	}
	rt, s := begin(t)
	want := s.gist(s.busyDay(rt))
	for _, dir := range handled() {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			rt, s := begin(t)
			once, err := rt.Twice(dir)
			if err != nil {
				t.Fatal(err)
			}
			sum := s.busyDay(rt)
			delivered := once()
			sameAs(t, "delivered twice", s.gist(sum), want)
			if len(delivered) == 0 {
				t.Fatal("nothing was delivered to it")
			}
			before := s.records()
			for n, d := range slices.Backward(delivered) {
				if slices.ContainsFunc(delivered[n+1:], d.SameTry) {
					continue // a state that is tried again has had the answer of the try before
				}
				// A state machine hears that it goes on without this execution; what fails for Lambda would be tried again.
				if err := rt.Deliver(t.Context(), d); err != nil && dir != "run-steps" && dir != "open-task" {
					t.Errorf("a late delivery fails: %v", err)
				}
			}
			s.idle()
			sameAs(t, "after late deliveries", s.records(), before)
			for _, k := range s.pages("/v1/tasks?status=open", 100) { // what waits for somebody still does
				s.answer(fmt.Sprint(k["id"]), map[string]ops.Answer{"choose": {Form: json.RawMessage(`{"vendor_id":"vendor-allfix"}`)}})
				if i := s.instanceOf(k); i.Status != "completed" {
					t.Errorf("after the answer to %v its workflow is %s", k["step"], i.Status)
				}
			}
		})
	}
}
