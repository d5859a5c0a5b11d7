package local_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

// Each test here is one thing that opsflow promises as a whole, seen from outside: through the HTTP API, the AWS endpoint
// and the virtual clock of a running system.

// promised is a system that has kept nothing yet, at nine in the morning of a Tuesday.
func promised(t *testing.T) *system {
	t.Helper()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	return newSystem(t, start(t, o))
}

// ask sends a request and checks its status; what it answers goes to v, unless that is nil.
func (s *system) ask(method, path, token string, body any, want int, v any) {
	s.t.Helper()
	res := s.request(method, path, token, body)
	if res.status != want {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, res.status, res.body, want)
	}
	if v != nil {
		res.decode(s.t, v)
	}
	s.idle()
}

// post does something as the admin.
func (s *system) post(path string, body any, want int, v any) {
	s.t.Helper()
	s.ask(http.MethodPost, path, s.token, body, want, v)
}

type object = map[string]any

// all reads every page of a list, two items at a time.
func (s *system) all(path string) []object {
	s.t.Helper()
	var items []object
	for cursor := ""; ; {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		var page struct {
			Items      []object `json:"items"`
			NextCursor *string  `json:"next_cursor"`
		}
		s.get(path+sep+"limit=2&cursor="+url.QueryEscape(cursor), &page)
		if items = append(items, page.Items...); page.NextCursor == nil {
			return items
		}
		cursor = *page.NextCursor
	}
}

// pick gives the values of one field.
func pick(items []object, field string) []string {
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprint(i[field]))
	}
	slices.Sort(out)
	return out
}

func TestEachOfTheEightWorkflowTypesRunsToItsEnd(t *testing.T) {
	t.Parallel()
	s := promised(t)
	var templates struct {
		Items []ops.Template `json:"items"`
	}
	s.get("/v1/templates?limit=100", &templates)
	completed := map[ops.WorkflowType]bool{}
	for _, tpl := range templates.Items {
		var started struct {
			ID string `json:"id"`
		}
		s.post("/v1/workflows", object{
			"template": tpl.Name, "subject": tpl.Example.Subject, "context": tpl.Example.Context,
		}, http.StatusCreated, &started)
		progress := 0
		for {
			var i ops.Instance
			s.get("/v1/workflows/"+started.ID, &i)
			if i.Progress < progress || i.Progress > 100 || (i.Progress == 100) != (i.Status == ops.InstanceCompleted) {
				t.Errorf("%s is %s at %d %%, after %d %%", tpl.Name, i.Status, i.Progress, progress)
			}
			progress = i.Progress
			if i.Status == ops.InstanceCompleted {
				completed[tpl.Type] = true
				break
			}
			if i.Status.Ended() || i.WaitingFor == nil {
				t.Fatalf("%s is %s (%+v) and waits for nothing", tpl.Name, i.Status, i.Error)
			}
			if i.WaitingFor.Kind == "timer" {
				s.advance((i.WaitingFor.Until.Sub(i.UpdatedAt) + time.Minute).String())
				continue
			}
			s.answer(i.WaitingFor.Ref, tpl.Example.Answers)
		}
	}
	if len(templates.Items) != 10 || len(completed) != len(ops.WorkflowTypes()) {
		t.Errorf("%d templates, and of %d types one runs to its end; want 10 and %d", len(templates.Items), len(completed), len(ops.WorkflowTypes()))
	}
}

// answer completes a task as somebody of its team.
func (s *system) answer(id string, answers map[string]ops.Answer) {
	s.t.Helper()
	var task ops.Task
	s.get("/v1/tasks/"+id, &task)
	body := object{"outcome": task.Outcomes[0]}
	if a := answers[task.Step]; a.Form != nil {
		body["form"] = a.Form
	}
	s.ask(http.MethodPost, "/v1/tasks/"+id+"/complete", s.tokenFor("somebody", string(task.Team)), body, http.StatusOK, nil)
}

func TestStepsOfEachKindConditionalAndParallel(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.post("/v1/templates", object{
		"name": "everything", "type": "quality_check", "trigger": "manual", "team": "Operations", "steps": []object{
			{"id": "rate", "name": "Rate", "kind": "automated", "action": "quality.assess"},
			{
				"id": "never", "name": "Only for the rich", "kind": "manual", "role": "Operations", "depends_on": []string{"rate"},
				"when": object{"path": "context.amount", "op": "gt", "value": 1000},
			},
			{"id": "look", "name": "Look at it", "kind": "manual", "role": "Operations", "depends_on": []string{"rate"}},
			{"id": "looked", "name": "Note the look", "kind": "automated", "action": "quality.assess", "depends_on": []string{"look"}},
			{"id": "allow", "name": "Allow it", "kind": "approval", "role": "Finance", "depends_on": []string{"rate"}},
			{"id": "allowed", "name": "Note the approval", "kind": "automated", "action": "quality.assess", "depends_on": []string{"allow"}},
			{
				"id": "tell", "name": "Tell", "kind": "notification", "template": "survey_request", "to": object{"team": "Operations"},
				"depends_on": []string{"never", "looked", "allowed"},
			},
		},
	}, http.StatusCreated, nil)
	s.post("/v1/templates/everything/versions/1/publish", nil, http.StatusOK, nil)
	for _, order := range [][]string{{"look", "allow"}, {"allow", "look"}} {
		var i ops.Instance
		s.post("/v1/workflows", object{
			"template": "everything", "subject": object{"type": "booking", "id": "bk-1"},
			"context": object{"amount": 10, "booking_id": "bk-1", "vendor_id": "vendor-sparkle"},
		}, http.StatusCreated, &i)
		read := func() map[string]ops.StepStatus {
			s.get("/v1/workflows/"+i.ID, &i)
			is := map[string]ops.StepStatus{}
			for _, step := range i.Steps {
				is[step.ID] = step.Status
			}
			return is
		}
		first, second := order[0], order[1]
		is := read()
		if is["never"] != ops.StepSkipped || is[first] != ops.StepInProgress || is[second] != ops.StepInProgress || is["tell"] != ops.StepPending {
			t.Fatalf("at first the steps are %v, want never skipped, and both branches open", is)
		}
		s.answer(i.Step(first).TaskID, nil)
		if is = read(); is[first+"ed"] != ops.StepCompleted || is[second] != ops.StepInProgress || is["tell"] != ops.StepPending {
			t.Errorf("after %s the steps are %v, want its branch done to the end while %s waits", first, is, second)
		}
		s.answer(i.Step(second).TaskID, nil)
		if is = read(); i.Status != ops.InstanceCompleted || is["tell"] != ops.StepCompleted {
			t.Errorf("after both branches it is %s, with the steps %v", i.Status, is)
		}
	}
}

func TestWorkGoesToTheTeamWhoseItIsAndToWhoHasLeastToDo(t *testing.T) {
	t.Parallel()
	s := promised(t)
	queued := func(event string, detail object, want ops.Team) ops.Task {
		s.put(event, detail)
		for _, task := range s.all("/v1/tasks?status=open") {
			if task["team"] == string(want) {
				var whole ops.Task
				s.get("/v1/tasks/"+fmt.Sprint(task["id"]), &whole)
				return whole
			}
		}
		t.Fatalf("%s opened no task for %s", event, want)
		return ops.Task{}
	}
	noPlace := booking("bk-1")
	delete(noPlace, "location")
	if task := queued("booking_created", noPlace, ops.Operations); task.Assignee != "" {
		t.Errorf("without members the task belongs to %q, want the team's queue", task.Assignee)
	}
	queued("payment_received", payment("pay-1"), ops.Finance)
	queued("service_completed", object{
		"booking_id": "bk-1", "vendor_id": "vendor-sparkle", "completed_at": "2026-11-24T08:00:00Z", "service_value": 200,
	}, ops.QualityAssurance)
	s.post("/v1/workflows", object{
		"template": "vendor_onboarding", "context": object{"vendor_id": "v-9", "name": "Nine", "categories": []string{"cleaning"}, "areas": []string{"JBR"}},
	}, http.StatusCreated, nil)
	if n := len(s.all("/v1/tasks?team=vendor_management")); n != 1 {
		t.Errorf("a vendor's application opened %d tasks for Vendor_Management, want 1", n)
	}

	for _, m := range []string{"faye", "finn"} {
		s.ask(http.MethodPut, "/v1/members/"+m, s.token, object{"name": m, "teams": []string{"Finance"}, "active": true}, http.StatusOK, nil)
	}
	for n := range 4 {
		s.put("payment_received", payment(fmt.Sprintf("pay-m%d", n)))
	}
	has := map[string]int{}
	for _, task := range s.all("/v1/tasks?team=finance") {
		if a, ok := task["assignee"]; ok {
			has[fmt.Sprint(a)]++
		}
	}
	if !maps.Equal(has, map[string]int{"faye": 2, "finn": 2}) {
		t.Errorf("four payments were given out as %v, want two to each", has)
	}
}

func TestEachOfTheSixRulesFiresUnderItsConditionAndNotWithoutIt(t *testing.T) {
	t.Parallel()
	s := promised(t)
	fires := func(id, rule string, want string) {
		t.Helper()
		if got := fmt.Sprint(s.event(id).outcomes(rule)); got != "["+want+"]" {
			t.Errorf("%s decides %s, want %s", rule, got, want)
		}
	}
	bare := booking("bk-bare")
	delete(bare, "service_type")
	whole, poor := s.put("booking_created", booking("bk-1")), s.put("booking_created", bare)
	fires(whole, "process-booking", "matched")
	fires(whole, "assign-vendor", "matched")
	fires(poor, "process-booking", "matched")
	fires(poor, "assign-vendor", "not_matched")

	service := func(id string, value float64) string {
		return s.put("service_completed", object{
			"booking_id": id, "vendor_id": "vendor-sparkle", "completed_at": "2026-11-24T08:59:00Z", "service_value": value,
		})
	}
	fires(service("bk-1", 100.01), "quality-check", "matched")
	fires(service("bk-2", 100), "quality-check", "not_matched")

	paid := payment("pay-2")
	paid["status"] = "confirmed"
	fires(s.put("payment_received", payment("pay-1")), "process-payment", "matched")
	fires(s.put("payment_received", paid), "process-payment", "not_matched")

	late := func() []object { return s.all("/v1/alerts?type=sla_violation&subject=payment/pay-1") }
	surveys := func() []instance { return s.workflows("template=customer_follow_up") }
	s.advance("1h55m")
	if n := len(surveys()); n != 0 {
		t.Errorf("%d surveys before two hours are over", n)
	}
	s.advance("10m")
	if n := len(surveys()); n != 2 {
		t.Errorf("%d surveys after two hours, want 2", n)
	}
	s.advance("21h45m")
	before := len(late())
	s.advance("15m")
	if got := len(late()) - before; got != 1 {
		t.Errorf("after 24 hours there is %d alert more about the late payment, want 1", got)
	}
	if n := len(s.all("/v1/alerts?subject=payment/pay-2")); n != 0 {
		t.Errorf("the confirmed payment has %d alerts", n)
	}
}

func TestOverdueWorkflowRaisesOneAlertAndOneEvent(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.put("payment_received", payment("pay-1"))
	i := s.awaitsApproval("pay-1")
	var whole ops.Instance
	s.get("/v1/workflows/"+i.ID, &whole)
	s.advance(whole.DueAt.Sub(whole.CreatedAt).String())
	s.advance("2h")
	if got := pick(s.all("/v1/workflows?overdue=true"), "id"); !slices.Equal(got, []string{i.ID}) {
		t.Errorf("overdue are %v, want %s", got, i.ID)
	}
	alerts := s.all("/v1/alerts?type=sla_violation")
	if len(alerts) != 1 || alerts[0]["instance"] != i.ID || alerts[0]["severity"] != "high" {
		t.Errorf("the alerts are %v, want one about %s", alerts, i.ID)
	}
	told := 0
	for _, e := range s.all("/v1/events") {
		if e["type"] == "sla_violation" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d sla_violation events came over the bus, want 1", told)
	}
}

func TestBookingSystemIsToldWhatBecameOfABooking(t *testing.T) {
	t.Parallel()
	s := promised(t)
	heard := s.listen("booking_confirmed", "vendor_assigned", "workflow_completed")
	s.put("booking_created", booking("bk-1"))
	told := map[string]int{}
	for _, e := range heard() {
		told[e.DetailType]++
		var detail struct {
			BookingID string         `json:"booking_id"`
			Subject   ops.SubjectRef `json:"subject"`
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil || detail.BookingID != "bk-1" && detail.Subject.ID != "bk-1" {
			t.Errorf("%s does not say that it is about bk-1: %s", e.DetailType, e.Detail)
		}
	}
	if want := map[string]int{"booking_confirmed": 1, "vendor_assigned": 1, "workflow_completed": 2}; !maps.Equal(told, want) {
		t.Errorf("over the bus went %v, want %v", told, want)
	}
}

// envelope is an event as EventBridge gives it to a target.
type envelope struct {
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// listen hears events of these types on the bus as another system on AWS would: by a rule whose target is a state machine.
func (s *system) listen(types ...string) (heard func() []envelope) {
	s.t.Helper()
	ctx := s.t.Context()
	machines, bus := sfn.NewFromConfig(s.config()), eventbridge.NewFromConfig(s.config())
	m, err := machines.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String("listener"), RoleArn: aws.String("arn:aws:iam::000000000000:role/listener"),
		Definition: aws.String(`{"StartAt":"Hear","States":{"Hear":{"Type":"Pass","End":true}}}`),
	})
	if err != nil {
		s.t.Fatalf("CreateStateMachine: %v", err)
	}
	pattern, err := json.Marshal(map[string][]string{"detail-type": types})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := bus.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: aws.String("listener"), EventBusName: aws.String("opsflow"), EventPattern: aws.String(string(pattern)),
	}); err != nil {
		s.t.Fatalf("PutRule: %v", err)
	}
	if _, err := bus.PutTargets(ctx, &eventbridge.PutTargetsInput{
		Rule: aws.String("listener"), EventBusName: aws.String("opsflow"),
		Targets: []ebtypes.Target{{Id: aws.String("listener"), Arn: m.StateMachineArn, RoleArn: aws.String("arn:aws:iam::000000000000:role/listener")}},
	}); err != nil {
		s.t.Fatalf("PutTargets: %v", err)
	}
	return func() []envelope {
		s.idle()
		list, err := machines.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: m.StateMachineArn})
		if err != nil {
			s.t.Fatalf("ListExecutions: %v", err)
		}
		var all []envelope
		for _, x := range list.Executions {
			d, err := machines.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: x.ExecutionArn})
			if err != nil {
				s.t.Fatalf("DescribeExecution: %v", err)
			}
			var e envelope
			if err := json.Unmarshal([]byte(aws.ToString(d.Input)), &e); err != nil {
				s.t.Fatal(err)
			}
			all = append(all, e)
		}
		return all
	}
}

func TestFailedStepIsRetriedThenFailsTheWorkflowAndCanBeTakenUpAgain(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.post("/v1/templates", object{
		"name": "scored", "type": "quality_check", "trigger": "manual", "team": "Quality_Assurance", "steps": []object{
			{"id": "assess", "name": "Assess", "kind": "automated", "action": "quality.assess"},
			{
				"id": "score", "name": "Score", "kind": "automated", "action": "quality.score", "depends_on": []string{"assess"},
				"parameters": object{"score": "$.context.score"}, "retry": object{"max_attempts": 3, "backoff": "2s"},
			},
		},
	}, http.StatusCreated, nil)
	s.post("/v1/templates/scored/versions/1/publish", nil, http.StatusOK, nil)
	var i ops.Instance
	s.post("/v1/workflows", object{
		"template": "scored", "subject": object{"type": "booking", "id": "bk-1"}, "context": object{"vendor_id": "vendor-sparkle"},
	}, http.StatusCreated, &i)
	s.advance("1m")
	s.get("/v1/workflows/"+i.ID, &i)
	score := i.Step("score")
	if i.Status != ops.InstanceFailed || i.Error == nil || i.Error.Step != "score" || score.Tries != 3 || score.Error == nil {
		t.Fatalf("the workflow is %s (%+v), the step %+v; want it failed after 3 tries, with the error", i.Status, i.Error, score)
	}
	alerts := func() []object { return s.all("/v1/alerts?type=workflow_failed") }
	if a := alerts(); len(a) != 1 || a[0]["instance"] != i.ID || a[0]["status"] != "open" {
		t.Errorf("the alerts are %v, want an open one about %s", a, i.ID)
	}
	assessed := i.Step("assess").FinishedAt
	s.post("/v1/workflows/"+i.ID+"/retry", object{"context": object{"score": 88}, "reason": "found the score"}, http.StatusOK, nil)
	s.get("/v1/workflows/"+i.ID, &i)
	if i.Status != ops.InstanceCompleted || i.Attempt != 2 || !i.Step("assess").FinishedAt.Equal(assessed) {
		t.Errorf("tried again it is %s in attempt %d, assessed at %s; want completed in the second, without the first step again",
			i.Status, i.Attempt, i.Step("assess").FinishedAt)
	}
	if a := alerts(); len(a) != 1 || a[0]["status"] != "resolved" {
		t.Errorf("after that the alerts are %v, want the one, resolved", a)
	}
	s.post("/v1/workflows/"+i.ID+"/retry", nil, http.StatusConflict, nil)
}

func TestAlertsOfAllTypesAndSeveritiesGoThroughTheirFiveStatuses(t *testing.T) {
	t.Parallel()
	s := promised(t)
	var last ops.Alert
	for n, kind := range ops.AlertTypes() {
		severity := ops.Severities()[n%len(ops.Severities())]
		body := object{"type": kind, "severity": severity, "title": "Look at this", "subject": object{"type": "booking", "id": "bk-1"}}
		s.post("/v1/alerts", body, http.StatusCreated, &last)
		s.post("/v1/alerts", body, http.StatusCreated, &last)
		if last.Count != 2 {
			t.Errorf("%s, raised twice for one cause, counts %d", kind, last.Count)
		}
	}
	if n := len(s.all("/v1/alerts")); n != len(ops.AlertTypes()) {
		t.Errorf("there are %d alerts, want one of each of %d types", n, len(ops.AlertTypes()))
	}
	ranks := []int{}
	for _, a := range s.all("/v1/alerts?status=open") {
		ranks = append(ranks, ops.Severity(fmt.Sprint(a["severity"])).Rank())
	}
	if !slices.IsSortedFunc(ranks, func(a, b int) int { return b - a }) {
		t.Errorf("the open alerts have the severities %v, want the most severe first", ranks)
	}

	at := "/v1/alerts/" + last.ID
	olivia := s.tokenFor("olivia", "operations")
	move := func(name string, want int) {
		t.Helper()
		body := any(nil)
		if name == "resolve" {
			body = object{"resolution": "done"}
		}
		s.ask(http.MethodPost, at+"/"+name, olivia, body, want, nil)
	}
	move("acknowledge", http.StatusOK)
	move("acknowledge", http.StatusConflict)
	move("start", http.StatusOK)
	move("close", http.StatusConflict)
	move("resolve", http.StatusOK)
	move("acknowledge", http.StatusConflict)
	move("close", http.StatusOK)
	s.get(at, &last)
	if last.Status != ops.AlertClosed || last.AcknowledgedBy != "olivia" || last.ResolvedBy != "olivia" || last.ResolvedAt.IsZero() {
		t.Errorf("at the end it is %+v, want closed, with who and when", last)
	}
	s.post("/v1/alerts", object{"type": "nothing", "severity": "loud", "title": "", "colour": "red"}, http.StatusUnprocessableEntity, nil)
}

func TestEveryDoorAsksWhoComesAndEveryChangeHasItsAuthor(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.put("payment_received", payment("pay-1"))
	task := "/v1/tasks/" + s.awaitsApproval("pay-1").WaitingFor.Ref
	rule := object{"mode": "off", "reason": "too many"}
	for _, c := range []struct {
		who, method, path string
		body              any
		want              int
	}{
		{"", http.MethodGet, "/v1/workflows", nil, http.StatusUnauthorized},
		{"nobody", http.MethodGet, "/v1/workflows", nil, http.StatusForbidden},
		{"quality_assurance", http.MethodGet, "/v1/workflows", nil, http.StatusOK},
		{"finance", http.MethodPost, "/v1/rules/quality-check/mode", rule, http.StatusForbidden},
		{"operations", http.MethodPost, "/v1/rules/quality-check/mode", rule, http.StatusOK},
		{"operations", http.MethodPost, task + "/complete", object{"outcome": "approved"}, http.StatusForbidden},
		{"vendor_management", http.MethodPost, task + "/claim", nil, http.StatusForbidden},
		{"finance", http.MethodPost, task + "/complete", object{"outcome": "approved"}, http.StatusOK},
		{"operations", http.MethodPut, "/v1/members/eve", object{"name": "Eve", "teams": []string{"Finance"}, "active": true}, http.StatusForbidden},
		{"admin", http.MethodPut, "/v1/members/eve", object{"name": "Eve", "teams": []string{"Finance"}, "active": true}, http.StatusOK},
	} {
		token := ""
		if c.who != "" {
			token = s.tokenFor("a-"+c.who, c.who)
		}
		if res := s.request(c.method, c.path, token, c.body); res.status != c.want {
			t.Errorf("%s %s by %q: %d %s, want %d", c.method, c.path, c.who, res.status, res.body, c.want)
		}
	}
	s.idle()
	authors := map[string]string{}
	for _, e := range s.all("/v1/audit") {
		actor, _ := e["actor"].(object)
		authors[fmt.Sprint(e["action"])] = fmt.Sprint(actor["id"])
	}
	want := map[string]string{"rule.mode": "a-operations", "task.complete": "a-finance"}
	for action, author := range want {
		if authors[action] != author {
			t.Errorf("the author of %s is %q, want %s (all: %v)", action, authors[action], author, authors)
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(authors)), "a-admin") || len(authors) != 3 {
		t.Errorf("the audit says %v, want what was done and nothing that was refused", authors)
	}
}
