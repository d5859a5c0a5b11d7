package local_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"opsflow/shared/ops"
)

// check holds what a day has left against what was accepted of it.
func (m *simulation) check() {
	m.t.Helper()
	m.checkEvents()
	m.checkMembers()
	m.checkWorkflows()
	m.checkExecutions()
	m.checkTasks()
	m.checkAlerts()
	m.checkMessages()
	m.checkVendors()
	m.checkAudit()
	m.checkQueues()
}

// checkEvents: every accepted event is kept, and each rule has decided it once.
func (m *simulation) checkEvents() {
	m.t.Helper()
	acted := map[string]int64{}
	seen := map[string]bool{}
	for _, id := range m.sent {
		var e ops.Event
		res := m.request("GET", "/v1/events/"+id, m.token, nil)
		if res.status != 200 {
			m.t.Errorf("accepted event %s: %d %s", id, res.status, res.body)
			continue
		}
		res.decode(m.t, &e)
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		first := map[string]int{}
		for _, d := range e.Decisions {
			if d.Reason == ops.ReasonDuplicate {
				continue
			}
			first[d.Rule]++
			if d.Outcome == ops.Errored {
				m.t.Errorf("rule %s broke on event %s %s: %s", d.Rule, e.Type, e.ID, d.Reason)
			}
			if d.Outcome == ops.Matched {
				acted[d.Rule]++
			}
			for _, effect := range d.Effects {
				if effect.Status != "" && effect.Status != ops.ActionDone && effect.Status != ops.ActionDropped {
					m.t.Errorf("effect %+v of rule %s on event %s is not done", effect, d.Rule, e.ID)
				}
			}
		}
		for rule, n := range first {
			if n != 1 {
				m.t.Errorf("rule %s has decided event %s %s %d times", rule, e.Type, e.ID, n)
			}
		}
	}
	if acted["few"] != capped {
		m.t.Errorf("the rule with a cap of %d acted %d times on %d bookings", capped, acted["few"], len(m.bookings))
	}
	for rule, n := range acted {
		var counted struct {
			Executions int64 `json:"execution_count"`
		}
		if m.get("/v1/rules/"+rule, &counted); counted.Executions != n {
			m.t.Errorf("rule %s is said to have acted %d times, and did %d times", rule, counted.Executions, n)
		}
	}
}

// checkMembers: nobody is said to have open tasks, for there are none.
func (m *simulation) checkMembers() {
	m.t.Helper()
	for _, p := range m.pages("/v1/members", 100) {
		if n := fmt.Sprint(p["open_tasks"]); n != "0" {
			m.t.Errorf("%v is said to have %s open tasks", p["id"], n)
		}
	}
}

// checkWorkflows: each event has started what it should, once, and everything has ended.
func (m *simulation) checkWorkflows() {
	m.t.Helper()
	want := map[string]int{"customer_follow_up of the cap": capped, "by hand": len(m.started)}
	for _, b := range m.bookings {
		want["booking_processing of booking/"+b.id]++
		if b.area != "" {
			want["vendor_assignment of booking/"+b.id]++
		}
		if b.paid > 0 {
			want["payment_processing of payment/"+b.payment()]++
		}
		if b.vendor != "" {
			want["customer_follow_up of booking/"+b.id]++
			if b.value > 100 {
				want["quality_assurance of booking/"+b.id]++
			}
		}
	}
	got := map[string]int{}
	for _, w := range m.pages("/v1/workflows", 100) {
		var i ops.Instance
		m.get(fmt.Sprintf("/v1/workflows/%v", w["id"]), &i)
		switch {
		case i.TriggeredBy.RuleID == "few":
			got["customer_follow_up of the cap"]++
		case slices.Contains(m.started, i.ID):
			got["by hand"]++
		default:
			got[i.Template+" of "+i.Subject.Type+"/"+i.Subject.ID]++
		}
		m.checkSteps(&i)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			m.t.Errorf("there are %d %s, want %d", got[name], name, want[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		m.t.Errorf("nobody asked for %v", got)
	}
}

// checkSteps: what has ended holds nothing any more, and has told each of its steps' ends once.
func (m *simulation) checkSteps(i *ops.Instance) {
	m.t.Helper()
	if !i.Status.Ended() || i.Lease.Owner != "" || i.WaitingFor != nil {
		m.t.Errorf("%s %s is %s, leased to %q, waiting for %+v", i.Template, i.ID, i.Status, i.Lease.Owner, i.WaitingFor)
	}
	ends, last := map[string]int{}, ""
	for _, h := range m.pages("/v1/workflows/"+i.ID+"/history", 100) {
		if h["what"] == "step_completed" {
			ends[fmt.Sprint(h["step"])]++
		}
		if at := fmt.Sprint(h["at"]); at < last && len(at) == len(last) {
			m.t.Errorf("the history of %s %s goes back from %s to %s", i.Template, i.ID, last, at)
		} else {
			last = at
		}
	}
	for n := range i.Steps {
		s := &i.Steps[n]
		if s.Status == ops.StepCompleted && ends[s.ID] != 1+s.Loop {
			m.t.Errorf("step %s of %s %s is told to have ended %d times, in %d loops", s.ID, i.Template, i.ID, ends[s.ID], s.Loop)
		}
	}
}

// checkExecutions: none runs on, and none was started twice for one attempt.
func (m *simulation) checkExecutions() {
	m.t.Helper()
	client := sfn.NewFromConfig(m.config())
	machines, err := client.ListStateMachines(m.t.Context(), &sfn.ListStateMachinesInput{})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, machine := range machines.StateMachines {
		running, err := client.ListExecutions(m.t.Context(), &sfn.ListExecutionsInput{
			StateMachineArn: machine.StateMachineArn, StatusFilter: sfntypes.ExecutionStatusRunning,
		})
		if err != nil {
			m.t.Fatal(err)
		}
		for _, x := range running.Executions {
			m.t.Errorf("execution %s still runs", *x.ExecutionArn)
		}
	}
}

// checkTasks: one for each human step and loop, and what was decided stays so.
func (m *simulation) checkTasks() {
	m.t.Helper()
	type place struct {
		instance, step string
		loop           int
	}
	opened := map[place]string{}
	for _, item := range m.pages("/v1/tasks", 100) {
		var k ops.Task
		m.get(fmt.Sprintf("/v1/tasks/%v", item["id"]), &k)
		at := place{k.InstanceID, k.Step, k.Loop}
		if other, ok := opened[at]; ok {
			m.t.Errorf("tasks %s and %s are both of step %s of %s", other, k.ID, k.Step, k.InstanceID)
		}
		opened[at] = k.ID
		if k.Status == ops.TaskOpen {
			m.t.Errorf("task %s of step %s is still open", k.ID, k.Step)
		}
		found := map[ack][]string{{k.ID, k.DecidedBy}: {k.Outcome}}
		if k.Offer != nil {
			found = map[ack][]string{}
			for _, turn := range k.Offer.Turns {
				by := ack{k.ID, turn.VendorID}
				found[by] = append(found[by], string(turn.Answer))
			}
		}
		for a, outcome := range m.decided {
			if a.task == k.ID && !slices.Equal(found[a], []string{outcome}) {
				m.t.Errorf("task %s was accepted as %s by %s; it is %v", k.ID, outcome, a.by, found)
			}
		}
	}
}

// checkAlerts: one for each cause, which counts it as often as it was.
func (m *simulation) checkAlerts() {
	m.t.Helper()
	seen, failed := map[string]bool{}, map[string]int{}
	for _, item := range m.pages("/v1/alerts", 100) {
		var a ops.Alert
		m.get(fmt.Sprintf("/v1/alerts/%v", item["id"]), &a)
		cause := fmt.Sprint(a.Type, " ", a.CauseKey)
		if seen[cause] {
			m.t.Errorf("cause %s has two alerts", cause)
		}
		seen[cause] = true
		if a.Type == ops.AlertSLAViolation && a.Subject.Type == "payment" && a.Count != 1 {
			m.t.Errorf("the alert of payment %s counts %d causes, want one", a.Subject.ID, a.Count)
		}
		if a.Type == ops.AlertWorkflowFailed && m.rejected[a.InstanceID] {
			failed[a.InstanceID] += a.Count
		}
	}
	for id := range m.rejected {
		var i ops.Instance
		if m.get("/v1/workflows/"+id, &i); i.Status == ops.InstanceFailed && failed[id] != 1 {
			m.t.Errorf("of the failure of workflow %s %s alerts tell %d times", i.Template, id, failed[id])
		}
	}
}

// checkMessages: each is sent, in its name alone.
func (m *simulation) checkMessages() {
	m.t.Helper()
	known, surveys := map[string]bool{}, map[string]int{}
	for _, item := range m.pages("/v1/notifications", 100) {
		var n ops.Notification
		m.get(fmt.Sprintf("/v1/notifications/%v", item["id"]), &n)
		known[n.ID] = true
		if n.Template == "survey_request" {
			surveys[n.Cause.InstanceID]++
		}
		if n.Status == ops.NotificationRequestedStatus {
			m.t.Errorf("message %s %s is %s", n.ID, n.Template, n.Status)
		}
	}
	for _, w := range m.pages("/v1/workflows?template=customer_follow_up", 100) {
		if id := fmt.Sprint(w["id"]); surveys[id] != 1 {
			m.t.Errorf("workflow customer_follow_up %s has asked its customer %d times", id, surveys[id])
		}
	}
	for _, sent := range m.outbox() {
		if id, _, _ := strings.Cut(sent.ID, "."); sent.Channel != "sms" && !known[id] {
			m.t.Errorf("a message was sent by %s under the name %q, which nothing has", sent.Channel, sent.ID)
		}
	}
}

// checkVendors: completed work and answers count once each.
func (m *simulation) checkVendors() {
	m.t.Helper()
	answers := map[string]int{}
	for _, item := range m.pages("/v1/tasks", 100) {
		var k ops.Task
		m.get(fmt.Sprintf("/v1/tasks/%v", item["id"]), &k)
		if k.Offer == nil {
			continue
		}
		for _, turn := range k.Offer.Turns {
			if turn.Answer == ops.ReplyExpired || turn.Answer != "" && turn.AnsweredBy == turn.VendorID { // not one that takes whatever it can
				answers[turn.VendorID]++
			}
		}
	}
	for _, v := range m.pages("/v1/vendors", 100) {
		var score struct {
			Parts []struct {
				Type       ops.MetricType `json:"type"`
				DataPoints int            `json:"data_points"`
			}
		}
		id := fmt.Sprint(v["id"])
		m.get("/v1/vendors/"+id+"/score", &score)
		for _, p := range score.Parts {
			if p.Type == ops.ExpertiseLevel && p.DataPoints != m.completed[id] {
				m.t.Errorf("%s has %d completed services, want %d", id, p.DataPoints, m.completed[id])
			}
			if p.Type == ops.Availability && p.DataPoints != answers[id] {
				m.t.Errorf("%s has answered %d offers, want %d", id, p.DataPoints, answers[id])
			}
		}
	}
}

// checkAudit: every accepted decision is written down once, and the chain of each target holds.
func (m *simulation) checkAudit() {
	m.t.Helper()
	decisions, checked := map[ack]int{}, map[string]bool{}
	for _, item := range m.pages("/v1/audit", 100) {
		on, _ := item["target"].(object)
		target := fmt.Sprintf("%v/%v", on["kind"], on["id"])
		actor, _ := item["actor"].(object)
		if action := fmt.Sprint(item["action"]); action == "task.complete" || action == "task.reject" || strings.HasPrefix(action, "offer.") {
			decisions[ack{fmt.Sprint(on["id"]), fmt.Sprint(actor["id"])}]++
		}
		if checked[target] {
			continue
		}
		checked[target] = true
		var trail struct {
			Chain struct {
				Verified bool
				Fault    string
			}
		}
		m.get("/v1/audit?target="+target, &trail)
		if !trail.Chain.Verified {
			m.t.Errorf("the audit of %s does not verify: %s", target, trail.Chain.Fault)
		}
	}
	for a := range m.decided {
		if decisions[a] != 1 {
			m.t.Errorf("the decision of task %s by %s is written down %d times", a.task, a.by, decisions[a])
		}
	}
}

// checkQueues: no message is left in a dead-letter queue, all were reported, and nothing is overdue.
func (m *simulation) checkQueues() {
	m.t.Helper()
	if list := m.undelivered("status=open&limit=100"); len(list) > 0 {
		m.t.Errorf("undelivered: %+v", list)
	}
	left, err := m.rt.InQueues(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	if len(left) > 0 {
		m.t.Errorf("messages are left in queues: %v", left)
	}
	next, err := m.rt.NextTimer(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	if now := m.rt.Clock().Now(); !next.IsZero() && next.Before(now.Add(-time.Minute)) {
		m.t.Errorf("at %s something is due since %s", now, next)
	}
}
