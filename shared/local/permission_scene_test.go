package local_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"opsflow/shared/ops"
)

// letters puts messages into a dead-letter queue.
func (s scene) letters(queue string, bodies ...string) {
	s.t.Helper()
	if err := s.rt.Letters(s.t.Context(), queue, bodies...); err != nil {
		s.t.Fatal(err)
	}
	s.idle()
}

// template makes and publishes a template of some steps.
func (s scene) template(name string, steps ...object) {
	s.t.Helper()
	s.templateOf(object{"name": name, "steps": steps})
}

func (s scene) templateOf(template object) {
	s.t.Helper()
	template["type"], template["trigger"], template["team"] = "service_delivery", "manual", "Operations"
	s.post("/v1/templates", template, http.StatusCreated, nil)
	s.post(fmt.Sprintf("/v1/templates/%s/versions/1/publish", template["name"]), nil, http.StatusOK, nil)
}

// starts starts a workflow, of a built-in template by its example, and gives its id.
func (s scene) starts(template string, context object) string {
	s.t.Helper()
	var tpl ops.Template
	s.get("/v1/templates/"+template+"/versions/1", &tpl)
	body := object{"template": template, "context": context}
	if tpl.Example != nil {
		body = object{"template": template, "subject": tpl.Example.Subject, "context": tpl.Example.Context}
	}
	var started struct {
		ID string `json:"id"`
	}
	s.post("/v1/workflows", body, http.StatusCreated, &started)
	return started.ID
}

// runs takes a template's example to its end.
func (s scene) runs(template string) {
	s.t.Helper()
	var tpl ops.Template
	s.get("/v1/templates/"+template+"/versions/1", &tpl)
	id := s.starts(template, nil)
	for range 20 {
		var i ops.Instance
		s.get("/v1/workflows/"+id, &i)
		switch {
		case i.Status.Ended():
			return
		case i.WaitingFor == nil:
			s.t.Fatalf("%s is %s and waits for nothing", template, i.Status)
		case i.WaitingFor.Kind == "timer":
			s.advance((i.WaitingFor.Until.Sub(i.UpdatedAt) + time.Minute).String())
		default:
			s.answer(i.WaitingFor.Ref, tpl.Example.Answers)
		}
	}
	s.t.Fatalf("%s does not end", template)
}

func (s scene) tasks() []ops.Task {
	s.t.Helper()
	var page struct{ Items []ops.Task }
	s.get("/v1/tasks?status=open&limit=100", &page)
	if len(page.Items) == 0 {
		s.t.Fatal("there is no open task")
	}
	return page.Items
}

func (s scene) member(id, team string) {
	s.t.Helper()
	s.ask(http.MethodPut, "/v1/members/"+id, s.token, object{
		"name": id, "teams": []string{team}, "active": true, "email": id + "@example.com", "phone": "+971501234567",
	}, http.StatusOK, nil)
}

// branches starts a workflow with two tasks beside each other.
func (s scene) branches() {
	s.t.Helper()
	s.template("branches", object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"},
		object{"id": "touch", "name": "Touch", "kind": "manual", "role": "Operations"},
		object{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate", "depends_on": []string{"touch"}})
	s.starts("branches", nil)
}

// limited starts two workflows of a template of which one may run at a time.
func (s scene) limited(steps ...object) {
	s.t.Helper()
	s.templateOf(object{"name": "limited", "max_parallel_instances": 1, "steps": steps})
	s.starts("limited", nil)
	s.starts("limited", nil)
}

// tells is a task whose answer may be of any length.
var tells = object{
	"id": "tell", "name": "Tell", "kind": "manual", "role": "Operations",
	"form": object{"type": "object", "properties": object{"notes": object{"type": "string"}}},
}

// answersAtLength answers such a task with more than a record keeps.
func (s scene) answersAtLength() {
	s.t.Helper()
	form, err := json.Marshal(object{"notes": strings.Repeat("word ", 2000)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.answer(s.task("tell"), map[string]ops.Answer{"tell": {Form: form}})
}

// task gives the open task of a step.
func (s scene) task(step string) string {
	s.t.Helper()
	for _, t := range s.tasks() {
		if t.Step == step {
			return t.ID
		}
	}
	s.t.Fatalf("there is no open task of step %s", step)
	return ""
}

// undoes starts a workflow that waits for a task of somebody's, with a step behind it that ranks vendors anew when it is undone.
func (s scene) undoes() string {
	s.t.Helper()
	s.member("olivia", "Operations")
	s.template("undoes", tells,
		object{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate", "compensate": "vendor.rank", "depends_on": []string{"tell"}},
		object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations", "depends_on": []string{"check"}})
	id := s.starts("undoes", booking("bk-1"))
	s.answersAtLength()
	return id
}

// asks writes down that somebody has asked for something of a workflow that nobody does: whoever was to do it died.
func (s scene) asks(id, what string) {
	s.t.Helper()
	var i ops.Instance
	s.get("/v1/workflows/"+id, &i)
	if err := s.rt.Ask(s.t.Context(), id, what); err != nil {
		s.t.Fatal(err)
	}
}

func (s scene) stopExecution(template, id string) {
	s.t.Helper()
	_, err := sfn.NewFromConfig(s.config()).StopExecution(s.t.Context(), &sfn.StopExecutionInput{
		ExecutionArn: aws.String("arn:aws:states:us-east-1:000000000000:execution:opsflow-" + template + "-v1:" + id + "-1"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.idle()
}

// calls has a step call a system outside that wants a secret, and perhaps a task after it.
func (s scene) calls(task bool) {
	s.t.Helper()
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }))
	s.t.Cleanup(outside.Close)
	s.keepSecret("opsflow/payments", "s3cret")
	s.ask(http.MethodPut, "/v1/connections/payments", s.token, object{
		"base_url": outside.URL, "auth": object{"type": "bearer", "secret": "payments"},
	}, http.StatusOK, nil)
	steps := []object{{"id": "call", "name": "Call", "kind": "api_call", "action": object{"connection": "payments", "method": "POST", "path": "/refunds"}}}
	if task {
		steps = append(steps, object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations", "depends_on": []string{"call"}})
	}
	s.template("calls", steps...)
	s.starts("calls", nil)
}

// awaited is a step that waits for an event about the context's booking.
func (s scene) awaited(event string) object {
	return object{"id": "got", "name": "Got", "kind": "await_event", "event": event, "key": "$.context.booking_id", "timeout": "72h"}
}

// rule raises an alert for each event of a type, once a day.
func (s scene) rule(event string) object {
	return object{
		"name": "once", "type": "trigger", "event": event, "mode": "active", "max_executions_per_day": 1,
		"actions": []object{
			{"type": "raise_alert", "alert": "system_error", "severity": "high", "title": "Look"},
			{"type": "start_workflow", "template": "customer_follow_up"},
		},
	}
}
