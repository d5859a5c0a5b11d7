package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"opsflow/shared/ops"
)

// simBooking is a booking of a simulated day.
type simBooking struct {
	id, service, area string
	value             float64
	created, paid     time.Duration // since the day began; paid 0: never
	done              time.Duration // 0: never
	rating            int
	vendor            string // who did it
}

func (b *simBooking) payment() string { return "pay-" + b.id }

// capped is how often the rule with a cap may act in a day.
const capped = 3

// prepare makes what the day needs: people, and a rule with a cap. What people will answer is in the templates' examples.
func (m *simulation) prepare() {
	m.t.Helper()
	for id, team := range map[string]string{
		"olivia": "Operations", "omar": "Operations", "vikram": "Vendor_Management", "vera": "Vendor_Management",
		"quinn": "Quality_Assurance", "qadir": "Quality_Assurance", "farah": "Finance", "faisal": "Finance",
	} {
		m.ask(http.MethodPut, "/v1/members/"+id, m.token, object{
			"name": id, "teams": []string{team}, "active": true, "email": id + "@opsflow.example",
		}, http.StatusOK, nil)
	}
	m.post("/v1/rules", object{
		"name": "few", "type": "trigger", "event": "booking_created", "mode": "active", "priority": 5, "time_zone": "UTC",
		"actions":                []object{{"type": "start_workflow", "template": "customer_follow_up"}},
		"max_executions_per_day": capped,
	}, http.StatusCreated, nil)
	var templates struct{ Items []ops.Template }
	m.get("/v1/templates?limit=100", &templates)
	m.forms = map[string]map[string]json.RawMessage{}
	for _, t := range templates.Items {
		m.forms[t.Name] = map[string]json.RawMessage{}
		if t.Example == nil {
			continue
		}
		for step, a := range t.Example.Answers {
			m.forms[t.Name][step] = a.Form
		}
	}
	places := [][2]string{
		{"cleaning", "Dubai Marina"},
		{"plumbing", "Downtown"},
		{"ac_repair", "Business Bay"},
		{"painting", "Jumeirah"},
		{"pest_control", "Deira"},
		{"gardening", "Arabian Ranches"},
		{"cleaning", "JBR"},
		{"handyman", "Al Barsha"},
		{"piano_tuning", "Jumeirah"},
		{"cleaning", ""},
	}
	for n := range 10 {
		place := places[m.random.IntN(len(places))]
		b := &simBooking{
			id: fmt.Sprintf("bk-%d", n), service: place[0], area: place[1], value: float64(50 + m.random.IntN(400)),
			created: time.Duration(m.random.IntN(240)) * time.Minute, rating: 1 + m.random.IntN(5),
		}
		if m.random.IntN(8) > 0 {
			b.paid = b.created + time.Duration(30+m.random.IntN(120))*time.Minute
		}
		if m.random.IntN(6) > 0 {
			b.done = b.created + time.Duration(180+m.random.IntN(180))*time.Minute
		}
		m.bookings = append(m.bookings, b)
	}
}

// day goes through twelve hours, ten minutes at a time.
func (m *simulation) day() {
	m.t.Helper()
	const step = 10 * time.Minute
	for at := time.Duration(0); at < 12*time.Hour; at += step {
		m.advance(step.String())
		within := func(d time.Duration) bool { return d > 0 && d > at-step && d <= at }
		for _, b := range m.bookings {
			if within(b.created + 1) {
				m.send("booking_created", b.createdEvent())
			}
			if within(b.paid) {
				m.send("payment_received", object{
					"payment_id": b.payment(), "booking_id": b.id, "amount": b.value, "currency": "AED", "method": "card",
				})
			}
			if within(b.done) {
				m.complete(b)
			}
		}
		if at == 5*time.Hour {
			m.complain()
		}
		m.answerTasks(3) // one of three tasks that somebody has is answered by now
	}
}

func (b *simBooking) createdEvent() object {
	d := object{
		"booking_id": b.id, "customer_id": "cu-" + b.id, "service_type": b.service, "scheduled_for": "2026-11-10T10:00:00Z",
		"service_value": b.value, "currency": "AED", "customer": object{"name": "Customer " + b.id, "email": b.id + "@customer.example"},
	}
	if b.area != "" {
		d["location"] = object{"area": b.area}
	}
	return d
}

// complete has the vendor that a booking was given to do the work; nobody else can.
func (m *simulation) complete(b *simBooking) {
	m.t.Helper()
	var list struct{ Items []ops.Instance }
	m.read("/v1/workflows?limit=100&template=vendor_assignment&subject=booking/"+b.id, &list)
	for _, one := range list.Items {
		var i ops.Instance
		m.read("/v1/workflows/"+one.ID, &i)
		var out struct {
			VendorID string `json:"vendor_id"`
		}
		if s := i.Step("assign"); s != nil && s.Status == ops.StepCompleted && json.Unmarshal(s.Output, &out) == nil {
			b.vendor = out.VendorID
		}
	}
	if b.vendor == "" {
		return
	}
	m.completed[b.vendor]++
	m.send("service_completed", object{
		"booking_id": b.id, "vendor_id": b.vendor, "service_type": b.service, "service_value": b.value, "rating": b.rating,
		"started_at": "2026-11-09T08:00:00Z", "promised_at": "2026-11-09T09:00:00Z", "completed_at": "2026-11-09T09:05:00Z",
	})
}

// complain has a customer complain, and quality assurance start a workflow about it by hand.
func (m *simulation) complain() {
	m.t.Helper()
	b := m.bookings[m.random.IntN(len(m.bookings))]
	detail := object{"complaint_id": "cp-1", "booking_id": b.id, "text": "The sofa is wet.", "severity": "high"}
	m.send("customer_complaint", detail)
	var i ops.Instance
	m.persist(http.MethodPost, "/v1/workflows", m.tokenFor("quinn", "quality_assurance"), object{
		"template": "complaint_resolution", "subject": object{"type": "booking", "id": b.id}, "context": detail,
	}).decode(m.t, &i)
	m.started = append(m.started, i.ID)
}

// send puts an event on the bus, as the booking system does: until it is accepted, and now and then once more than that. One
// of two goes through the API.
func (m *simulation) send(detailType string, detail object) {
	m.t.Helper()
	for range 1 + max(0, m.random.IntN(5)-2) {
		if m.random.IntN(2) == 0 {
			var e struct {
				ID string `json:"event_id"`
			}
			m.persist(http.MethodPost, "/v1/events", m.token, object{"type": detailType, "source": "booking", "detail": detail}).decode(m.t, &e)
			m.sent = append(m.sent, e.ID)
			continue
		}
		text, err := json.Marshal(detail)
		if err != nil {
			m.t.Fatal(err)
		}
		client := eventbridge.NewFromConfig(m.config())
		for {
			out, err := client.PutEvents(m.t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
				EventBusName: aws.String("opsflow"), Source: aws.String("booking"), DetailType: &detailType, Detail: aws.String(string(text)),
			}}})
			if err == nil {
				m.sent = append(m.sent, aws.ToString(out.Entries[0].EventId))
				break
			}
			m.advance("10s")
		}
	}
}

// persist sends a request until it is answered for good, always under the same key, as a careful client does.
func (m *simulation) persist(method, path, token string, body any) response {
	m.t.Helper()
	m.keys++
	key := fmt.Sprint("key-", m.keys)
	for range 200 {
		res := m.request(method, path, token, body, "Idempotency-Key", key)
		if res.status < http.StatusInternalServerError && res.status != http.StatusTooManyRequests && !strings.Contains(string(res.body), `"in_progress"`) {
			return res
		}
		m.pass(10 * time.Second)
	}
	m.t.Fatalf("%s %s is not answered for half an hour", method, path)
	return response{}
}

// pass lets time pass within the life of the tokens at hand.
func (m *simulation) pass(d time.Duration) {
	m.t.Helper()
	if err := m.rt.Clock().Advance(m.t.Context(), d); err != nil {
		m.t.Fatal(err)
	}
}

// read reads, however often it takes.
func (m *simulation) read(path string, v any) {
	m.t.Helper()
	for range 200 {
		if res := m.request(http.MethodGet, path, m.token, nil); res.status == http.StatusOK {
			res.decode(m.t, v)
			return
		}
		m.pass(10 * time.Second)
	}
	m.t.Fatalf("GET %s is not answered for half an hour", path)
}

// answerTasks has people and vendors answer one of so many of their open tasks; 1: all of them.
func (m *simulation) answerTasks(oneOf int) (answered int) {
	m.t.Helper()
	var open struct{ Items []ops.Task }
	m.read("/v1/tasks?status=open&limit=100", &open)
	slices.SortFunc(open.Items, func(a, b ops.Task) int { return strings.Compare(a.Subject.ID+a.Step, b.Subject.ID+b.Step) })
	for n := range open.Items {
		if m.random.IntN(oneOf) > 0 {
			continue
		}
		answered++
		m.answerTask(&open.Items[n])
	}
	m.idle()
	return answered
}

func (m *simulation) answerTask(k *ops.Task) {
	m.t.Helper()
	var whole ops.Task
	m.read("/v1/tasks/"+k.ID, &whole)
	if whole.Status.Decided() {
		return
	}
	by, team, move := whole.Assignee, string(whole.Team), "complete"
	body := object{"outcome": whole.Outcomes[0]}
	switch {
	case whole.Offer != nil:
		team = "vendors"
		if m.random.IntN(4) == 0 {
			body["outcome"] = ops.OutcomeDeclined
		}
	case whole.Kind == ops.StepApproval && m.random.IntN(6) == 0:
		move, body = "reject", object{"comment": "no"}
	default:
		var i ops.Instance
		m.read("/v1/workflows/"+whole.InstanceID, &i)
		if form := m.forms[i.Template][whole.Step]; form != nil {
			body["form"] = form
		}
	}
	if by == "" {
		by = "somebody"
	}
	res := m.persist(http.MethodPost, "/v1/tasks/"+whole.ID+"/"+move, m.tokenFor(by, strings.ToLower(team)), body)
	switch {
	case res.status == http.StatusOK && move == "reject":
		m.decided[ack{whole.ID, by}], m.rejected[whole.InstanceID] = ops.OutcomeRejected, true
	case res.status == http.StatusOK:
		m.decided[ack{whole.ID, by}] = fmt.Sprint(body["outcome"])
	case res.status == http.StatusGone, res.status == http.StatusConflict: // it expired meanwhile, or was reassigned
	default:
		m.t.Errorf("%s %s of %s by %s: %d %s", move, whole.Step, whole.Subject.ID, by, res.status, res.body)
	}
}

// comeToRest ends the work of the day, without faults: people answer what is left, operators send again what could not be
// delivered and try again what failed.
func (m *simulation) comeToRest() {
	m.t.Helper()
	for range 60 {
		m.advance("2h")
		left := m.answerTasks(1)
		for _, u := range m.undelivered("status=open&limit=100") {
			left++
			if u.EventType == "Scheduled Event" { // the next tick has done the same
				m.post("/v1/undelivered/"+u.ID+"/close", object{"reason": "the next tick has done the same"}, http.StatusOK, nil)
				continue
			}
			m.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusOK, nil)
			m.resent++
		}
		for _, w := range m.pages("/v1/workflows", 100) {
			id := fmt.Sprint(w["id"])
			switch status := fmt.Sprint(w["status"]); {
			case status == "failed" && !m.rejected[id]:
				m.post("/v1/workflows/"+id+"/retry", object{"reason": "the faults are over"}, http.StatusOK, nil)
				m.retried++
				left++
			case status != "completed" && status != "failed" && status != "cancelled":
				left++
			}
		}
		if left == 0 {
			m.advance("30h") // what rules had put off is due
			return
		}
	}
	for _, w := range m.pages("/v1/workflows", 100) {
		if status := fmt.Sprint(w["status"]); status != "completed" {
			m.t.Logf("%v %v of %v: %v, waiting for %v, %v", w["id"], w["template"], w["subject"], status, w["waiting_for"], w["error"])
			if on, ok := w["waiting_for"].(object); ok {
				m.t.Logf("%s", m.request(http.MethodGet, fmt.Sprintf("/v1/workflows/%v/history?limit=100", w["id"]), m.token, nil).body)
				m.t.Logf("%s", m.request(http.MethodGet, fmt.Sprintf("/v1/tasks/%v", on["ref"]), m.token, nil).body)
			}
		}
	}
	m.t.Fatal("it does not come to rest in five days")
}
