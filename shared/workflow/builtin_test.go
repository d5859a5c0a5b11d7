package workflow_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

const booking = `{"booking_id": "bk-1", "customer_id": "c-1", "service_type": "cleaning", "location": {"area": "Marina"}}`

func TestBuiltinTemplatesRunToTheEnd(t *testing.T) {
	t.Parallel()
	type answer struct{ outcome, form string }
	tests := []struct {
		name, template, context string
		subject                 ops.SubjectRef
		answers                 []answer
		steps                   map[string]ops.StepStatus // those that are not completed
	}{
		{
			"a booking in order needs nobody", "booking_processing", booking,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			nil,
			map[string]ops.StepStatus{"complete_details": ops.StepSkipped},
		},
		{
			"a booking that lacks its place is completed by a person", "booking_processing",
			`{"booking_id": "bk-1", "customer_id": "c-1", "service_type": "cleaning"}`,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", `{"location": {"area": "Marina"}}`}},
			nil,
		},
		{
			"vendor onboarding", "vendor_onboarding", `{"vendor_id": "v-9", "name": "Nine", "categories": ["cleaning"], "areas": ["Marina"]}`,
			ops.SubjectRef{},
			[]answer{{"done", `{"identity_checked": true}`}, {"", ""}, {"approved", ""}},
			nil,
		},
		{
			"quality assurance", "quality_assurance", `{"booking_id": "bk-1", "vendor_id": "v-1"}`,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", `{"score": 84.5}`}},
			nil,
		},
		{
			"payment processing", "payment_processing", `{"payment_id": "p-1", "amount": 10, "currency": "AED", "booking_id": "bk-1"}`,
			ops.SubjectRef{Type: "payment", ID: "p-1"},
			[]answer{{"approved", ""}},
			nil,
		},
		{
			"vendor assignment without vendors asks Operations", "vendor_assignment", booking,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", `{"vendor_id": "v-7"}`}},
			nil,
		},
		{
			"customer follow-up", "customer_follow_up", booking, ops.SubjectRef{Type: "booking", ID: "bk-1"}, nil, nil,
		},
		{
			"a customer with a contact is welcomed by nobody's hand", "customer_onboarding",
			`{"customer": {"name": "Sam", "email": "sam@example.com"}}`,
			ops.SubjectRef{Type: "customer", ID: "cu-1"},
			nil,
			map[string]ops.StepStatus{"verify_contact": ops.StepSkipped},
		},
		{
			"a customer without a contact is called", "customer_onboarding", `{"name": "Sam"}`,
			ops.SubjectRef{},
			[]answer{{"done", `{"name": "Sam", "phone": "+971 4 123 4567"}`}},
			nil,
		},
		{
			"a service that was performed", "service_delivery", service,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", `{"performed": true, "completed_at": "2026-11-30T10:30:00Z"}`}},
			map[string]ops.StepStatus{"tell_not_done": ops.StepSkipped},
		},
		{
			"a service that nobody came for, of a booking that was not in order", "service_delivery", booking,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", `{"performed": false, "reason": "no vendor"}`}},
			map[string]ops.StepStatus{
				"until_reminder": ops.StepSkipped, "reminder": ops.StepSkipped, "tell_done": ops.StepSkipped,
			},
		},
		{
			"a complaint that is answered", "complaint_resolution", complaint,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", `{"finding": "not_justified", "refund": false, "answer": "It was the rain."}`}},
			map[string]ops.StepStatus{"approve_refund": ops.StepSkipped},
		},
		{
			"a complaint with a refund", "complaint_resolution", complaint,
			ops.SubjectRef{Type: "booking", ID: "bk-1"},
			[]answer{{"done", refund}, {"approved", ""}},
			nil,
		},
		{
			"a review of a good vendor", "performance_review", `{"vendor_id": "v-1"}`,
			ops.SubjectRef{Type: "vendor", ID: "v-1"},
			[]answer{{"done", `{"score": 70, "findings": "As expected."}`}},
			map[string]ops.StepStatus{"approve_measures": ops.StepSkipped},
		},
		{
			"a review with measures", "performance_review", `{"vendor_id": "v-1"}`,
			ops.SubjectRef{},
			[]answer{{"done", `{"score": 69.9, "findings": "Late.", "measures": ["a training"]}`}, {"approved", ""}},
			nil,
		},
	}
	types := map[ops.WorkflowType]bool{}
	for _, tpl := range builtin(t) {
		for _, tt := range tests {
			types[tpl.Type] = types[tpl.Type] || tt.template == tpl.Name
		}
	}
	for _, typ := range ops.WorkflowTypes() {
		if !types[typ] {
			t.Errorf("no template of type %s is tested", typ)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			if tt.template == "performance_review" {
				b.save(t, reviewed())
			}
			i := b.start(t, tt.template, tt.subject, tt.context)
			for n, a := range tt.answers {
				if i = b.wait(t, i.ID); i.Status != ops.InstanceWaitingApproval || i.WaitingFor.Kind != "task" || i.Progress > 99 {
					t.Fatalf("before answer %d: %s, waiting for %+v, %d %%", n, i.Status, i.WaitingFor, i.Progress)
				}
				b.complete(t, i.ID, a.outcome, a.form)
			}
			i = b.wait(t, i.ID)
			if i.Status != ops.InstanceCompleted || i.Progress != 100 || i.EndedAt.IsZero() || len(i.Timers) != 0 || i.Lease.Owner != "" {
				t.Fatalf("ends %s, %d %%, timers %v, lease %v, error %v", i.Status, i.Progress, i.Timers, i.Lease, i.Error)
			}
			for _, s := range i.Steps {
				want := ops.StepCompleted
				if w, ok := tt.steps[s.ID]; ok {
					want = w
				}
				if s.Status != want || s.FinishedAt.IsZero() || want == ops.StepCompleted && s.StartedAt.IsZero() {
					t.Errorf("step %s: %+v, want %s", s.ID, s, want)
				}
			}
			if x := b.machine.executions[i.ExecutionName()]; x.status != ops.ExecutionSucceeded {
				t.Errorf("the execution ends %s (%s)", x.status, x.err)
			}
			if ids := b.bus.ids(ops.WorkflowCompleted); len(ids) != 1 {
				t.Errorf("workflow_completed was sent as %v", ids)
			}
		})
	}
}

func builtin(t *testing.T) []*ops.Template {
	t.Helper()
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheBuiltinTemplatesAreValidWithTheirForms(t *testing.T) {
	t.Parallel()
	for _, tpl := range builtin(t) {
		body, err := os.ReadFile(filepath.Join("templates", tpl.Name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		read, err := workflow.Read(body, nil, form.Checker{})
		if err != nil {
			t.Fatalf("%s: %v", tpl.Name, err)
		}
		for _, odd := range workflow.Advise(read).Warnings {
			t.Errorf("%s: %s: %s", tpl.Name, odd.Path, odd.Message)
		}
	}
}

func TestTheEstimatesOfABuiltinTemplatesStepsAddUp(t *testing.T) {
	t.Parallel()
	for _, tpl := range builtin(t) {
		sum := 0
		for _, s := range tpl.Steps {
			sum += s.EstimatedMinutes
		}
		if sum != tpl.EstimatedMinutes {
			t.Errorf("%s: %d minutes over its steps, %d in all", tpl.Name, sum, tpl.EstimatedMinutes)
		}
	}
}

// wait lets the time of a workflow's delays pass, as long as it waits for nothing else.
func (b *bundle) wait(t *testing.T, id string) *ops.Instance {
	t.Helper()
	i := b.instance(t, id)
	for i.WaitingFor != nil && i.WaitingFor.Kind == "timer" {
		b.machine.advance(t.Context(), i.WaitingFor.Until.Sub(b.clock.Now()))
		b.machine.run(t.Context())
		i = b.instance(t, id)
	}
	return i
}

func (b *bundle) save(t *testing.T, records ...ops.Record) {
	t.Helper()
	if err := b.store.Save(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) field(t *testing.T, ref ops.SubjectRef, name string) string {
	t.Helper()
	s, err := b.store.Subject(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return string(s.Fields[name])
}

func TestBookingIsConfirmedAndTheWorldToldUnderAValidID(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ref := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	i := b.start(t, "booking_processing", ref, booking)
	if got := b.field(t, ref, "status"); got != `"confirmed"` {
		t.Errorf("the booking is %s", got)
	}
	for id, n := range b.bus.ids(ops.BookingConfirmed) {
		if !ops.ValidID(id) || id != i.ID+":confirmation:0" || n != 1 {
			t.Errorf("booking_confirmed went out as %q, %d times", id, n)
		}
	}
}

func TestPaymentStatusFollowsTheApproval(t *testing.T) {
	t.Parallel()
	ref := ops.SubjectRef{Type: "payment", ID: "p-1"}
	for _, approve := range []bool{true, false} {
		b := setup(t, nil)
		i := b.start(t, "payment_processing", ref, `{"payment_id": "p-1", "amount": 10, "currency": "AED", "booking_id": "bk-1"}`)
		want, status := `"confirmed"`, ops.InstanceCompleted
		if approve {
			b.complete(t, i.ID, "approved", "")
		} else {
			want, status = `"failed"`, ops.InstanceFailed
			if _, err := b.tasks.Reject(t.Context(), b.openTask(t, i.ID).ID, member(ops.Finance), "no receipt"); err != nil {
				t.Fatal(err)
			}
			b.machine.run(t.Context())
		}
		i = b.instance(t, i.ID)
		if got := b.field(t, ref, "status"); got != want || i.Status != status {
			t.Errorf("approved %v: payment %s, workflow %s (%v)", approve, got, i.Status, i.Error)
		}
		if approve {
			continue
		}
		if i.Error.Code != "rejected" || i.Error.Step != "processing" {
			t.Errorf("the error is %+v", i.Error)
		}
		if x := b.machine.executions[i.ExecutionName()]; x.status != ops.ExecutionFailed || x.err != "WorkflowFailed" {
			t.Errorf("the execution ends %s (%s)", x.status, x.err)
		}
		alerts, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
		if err != nil || len(alerts.Items) != 1 || alerts.Items[0].Type != ops.AlertWorkflowFailed {
			t.Errorf("alerts: %+v, %v", alerts.Items, err)
		}
		if ids := b.bus.ids(ops.WorkflowFailed); len(ids) != 1 {
			t.Errorf("workflow_failed was sent as %v", ids)
		}
	}
}

func TestTheBestVendorIsAssignedWithoutPeople(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, v := range []*ops.Vendor{
		{ID: "v-1", Active: true, Verified: true, Categories: []string{"cleaning"}, Areas: []string{"Marina"}, Rating: 3, Ratings: 90, PriceLevel: 1},
		{ID: "v-2", Active: true, Verified: true, Categories: []string{"cleaning"}, Areas: []string{"Marina"}, Rating: 4.9, Ratings: 90, PriceLevel: 1, AutoAccept: true},
	} {
		if err := b.store.Save(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	ref := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	i := b.start(t, "vendor_assignment", ref, booking)
	if i.Status != ops.InstanceCompleted || i.Step("choose").Status != ops.StepSkipped || b.field(t, ref, "vendor_id") != `"v-2"` {
		t.Errorf("%s, choose %s, vendor %s", i.Status, i.Step("choose").Status, b.field(t, ref, "vendor_id"))
	}
	if ids := b.bus.ids(ops.VendorAssigned); len(ids) != 1 {
		t.Errorf("vendor_assigned was sent as %v", ids)
	}
}

func TestTheSurveyIsAskedForWithAllThatTheMessageNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.start(t, "customer_follow_up", ops.SubjectRef{Type: "booking", ID: "bk-1"}, booking)
	if ids := b.bus.ids(ops.NotificationRequested); len(ids) != 1 {
		t.Fatalf("it was asked for as %v", ids)
	}
	var detail struct {
		Template string
		To       ops.Recipient
		Data     map[string]string
		Subject  ops.SubjectRef
	}
	e := b.bus.events[0]
	_ = json.Unmarshal(e.Detail, &detail) // the location is no text
	if detail.Template != "survey_request" || detail.To.Role != "customer" || detail.Data["service_type"] != "cleaning" || detail.Subject.ID != "bk-1" {
		t.Errorf("the event says %s", e.Detail)
	}
	if !ops.ValidID(e.ID) || e.Cause.InstanceID != i.ID || e.Cause.Depth != 1 {
		t.Errorf("id %q, cause %+v", e.ID, e.Cause)
	}
}
