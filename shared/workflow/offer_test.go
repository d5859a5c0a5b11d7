package workflow_test

import (
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

const dated = `{"booking_id": %q, "service_type": "cleaning", "location": {"area": "Marina"}, "scheduled_for": "2026-12-01T09:00:00Z"}`

// vendors stores vendors that differ only in their price: the first one is the best.
func (b *bundle) vendors(t *testing.T, capacity int, ids ...string) {
	t.Helper()
	for n, id := range ids {
		if err := b.store.Save(t.Context(), &ops.Vendor{
			ID: id, Name: id, Active: true, Verified: true, Categories: []string{"cleaning"}, Areas: []string{"Marina"},
			PriceLevel: 0.6 + 0.1*float64(n), DailyCapacity: capacity,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bundle) offer(t *testing.T, booking string) (*ops.Instance, *ops.Task) {
	t.Helper()
	i := b.start(t, "vendor_assignment", ops.SubjectRef{Type: "booking", ID: booking}, fmt.Sprintf(dated, booking))
	return i, b.openTask(t, i.ID)
}

func (b *bundle) answer(t *testing.T, id, vendor, outcome string) error {
	t.Helper()
	_, err := b.tasks.Complete(t.Context(), id, ops.Actor{ID: vendor, Teams: []ops.Team{ops.Vendors}}, task.Decision{Outcome: outcome})
	b.machine.run(t.Context())
	return err
}

// expire lets the vendor's time go by and the sweep come.
func (b *bundle) expire(t *testing.T, id string) {
	t.Helper()
	b.machine.advance(t.Context(), 21*time.Minute)
	for range 2 { // overlapping sweeps
		if err := b.tasks.HandleDue(t.Context(), ops.Ref{Kind: ops.KindTask, ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	b.machine.run(t.Context())
}

func code(t *testing.T, err error, want ops.Code) {
	t.Helper()
	if got := ops.ErrorCode(err); err == nil || got != want {
		t.Errorf("got %v (%s), want %s", err, got, want)
	}
}

func TestAnOfferGoesFromVendorToVendorUntilOneAccepts(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.vendors(t, 2, "v-1", "v-2", "v-3", "v-4")
	i, offer := b.offer(t, "bk-1")
	if i.Status != ops.InstanceWaitingApproval || offer.Assignee != "v-1" || !offer.DueAt.Equal(start.Add(20*time.Minute)) {
		t.Fatalf("%s, asked is %s until %s", i.Status, offer.Assignee, offer.DueAt)
	}
	code(t, b.answer(t, offer.ID, "v-2", "accepted"), ops.CodeNotFound) // not its offer yet
	if err := b.answer(t, offer.ID, "v-1", "declined"); err != nil {
		t.Fatal(err)
	}
	code(t, b.answer(t, offer.ID, "v-1", "accepted"), ops.CodeAlreadyDecided)
	b.expire(t, offer.ID)
	code(t, b.answer(t, offer.ID, "v-2", "accepted"), ops.CodeGone)
	if now := b.openTask(t, i.ID); now.Assignee != "v-3" || len(now.Offer.Turns) != 3 {
		t.Fatalf("asked is %+v", now.Offer)
	}
	if err := b.answer(t, offer.ID, "v-3", "accepted"); err != nil {
		t.Fatal(err)
	}
	ref := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	i = b.instance(t, i.ID)
	if i.Status != ops.InstanceCompleted || i.Step("choose").Status != ops.StepSkipped || b.field(t, ref, "vendor_id") != `"v-3"` {
		t.Errorf("%s, choose %s, vendor %s", i.Status, i.Step("choose").Status, b.field(t, ref, "vendor_id"))
	}
	if ids := b.bus.ids(ops.VendorAssigned); len(ids) != 1 {
		t.Errorf("vendor_assigned was sent as %v", ids)
	}
	if n, err := b.store.Count(t.Context(), ops.LoadID("v-3", "2026-12-01")); n != 1 || err != nil {
		t.Errorf("v-3 has %d bookings that day, %v; want 1", n, err)
	}
	done, err := b.store.Task(t.Context(), offer.ID)
	if err != nil || len(done.Timers) != 0 || done.DecidedBy != "v-3" {
		t.Errorf("the offer is left as %+v, %v", done, err)
	}
	code(t, b.answer(t, offer.ID, "v-3", "declined"), ops.CodeAlreadyDecided)
}

func TestWhenNobodyIsLeftOperationsAreWarnedOnceAndChoose(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.vendors(t, 2, "v-1", "v-2")
	i, offer := b.offer(t, "bk-1")
	b.expire(t, offer.ID)
	if err := b.answer(t, offer.ID, "v-2", "declined"); err != nil {
		t.Fatal(err)
	}
	alerts, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
	if err != nil || len(alerts.Items) != 1 || alerts.Items[0].Type != ops.AlertVendorUnavailable || alerts.Items[0].Count != 1 {
		t.Errorf("alerts: %+v, %v", alerts.Items, err)
	}
	choose := b.openTask(t, i.ID)
	if choose.Step != "choose" || choose.Team != ops.Operations {
		t.Fatalf("open is %+v", choose)
	}
	b.complete(t, i.ID, "done", `{"vendor_id": "v-1"}`)
	if n, err := b.store.Count(t.Context(), ops.LoadID("v-1", "2026-12-01")); n != 1 || err != nil {
		t.Errorf("the chosen one has %d bookings that day, %v; want 1", n, err)
	}
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("%s", i.Status)
	}
}

func TestAnOfferThatNobodyTakesEndsByHowTheLastOneLetItGo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string // of those who are asked, in order; "": lets it pass
		want    ops.TaskStatus
		late    ops.Code // of an answer after the end
	}{
		"both let it pass":                          {[]string{"", ""}, ops.TaskExpired, ops.CodeGone},
		"the last one lets it pass":                 {[]string{"declined", ""}, ops.TaskExpired, ops.CodeGone},
		"the last one declines":                     {[]string{"", "declined"}, ops.TaskCompleted, ops.CodeAlreadyDecided},
		"the only one with a place lets it pass":    {[]string{""}, ops.TaskExpired, ops.CodeGone},
		"the only one with a place has no interest": {[]string{"declined"}, ops.TaskCompleted, ops.CodeAlreadyDecided},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.vendors(t, 1, "v-1", "v-2")
			i, offer := b.offer(t, "bk-1")
			if len(c.answers) == 1 { // the place of v-2 goes to another booking
				other := b.start(t, "vendor_assignment", ops.SubjectRef{Type: "booking", ID: "bk-2"}, fmt.Sprintf(dated, "bk-2"))
				for _, answer := range [][2]string{{"v-1", "declined"}, {"v-2", "accepted"}} {
					if err := b.answer(t, b.openTask(t, other.ID).ID, answer[0], answer[1]); err != nil {
						t.Fatal(err)
					}
				}
			}
			for n, outcome := range c.answers {
				if outcome == "" {
					b.expire(t, offer.ID)
				} else if err := b.answer(t, offer.ID, fmt.Sprint("v-", n+1), outcome); err != nil {
					t.Fatal(err)
				}
			}
			done, err := b.store.Task(t.Context(), offer.ID)
			if err != nil || done.Status != c.want || done.Outcome != ops.OutcomeNobody || len(done.Timers) != 0 {
				t.Errorf("the offer ends as %+v, %v; want %s with nobody", done, err, c.want)
			}
			if choose := b.openTask(t, i.ID); choose.Step != "choose" {
				t.Errorf("after it %s is open, want choose", choose.Step)
			}
			_, err = b.tasks.Complete(t.Context(), offer.ID, member(ops.VendorManagement), task.Decision{Outcome: "accepted"})
			code(t, err, c.late)
		})
	}
}

func TestAVendorsLastPlaceGoesToOneOfTwoBookings(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.vendors(t, 1, "v-1", "v-2")
	one, first := b.offer(t, "bk-1")
	two, second := b.offer(t, "bk-2")
	if first.Assignee != "v-1" || second.Assignee != "v-1" {
		t.Fatalf("asked are %s and %s", first.Assignee, second.Assignee)
	}
	answers := make(chan error, 2)
	for _, offer := range []*ops.Task{first, second} {
		go func() {
			_, err := b.tasks.Complete(t.Context(), offer.ID, ops.Actor{ID: "v-1", Teams: []ops.Team{ops.Vendors}},
				task.Decision{Outcome: "accepted"})
			answers <- err
		}()
	}
	refused := 0
	for range 2 {
		if err := <-answers; err != nil {
			code(t, err, ops.CodeConflict)
			refused++
		}
	}
	b.machine.run(t.Context())
	if refused != 1 {
		t.Errorf("%d of two accepts were refused, want 1", refused)
	}
	states := map[ops.InstanceStatus]int{}
	for _, i := range []*ops.Instance{one, two} {
		i = b.instance(t, i.ID)
		states[i.Status]++
		if !i.Status.Ended() {
			if asked := b.openTask(t, i.ID).Assignee; asked != "v-2" {
				t.Errorf("the other booking is offered to %s, want v-2", asked)
			}
		}
	}
	if states[ops.InstanceCompleted] != 1 {
		t.Errorf("the workflows are %v, want one completed", states)
	}
	if n, err := b.store.Count(t.Context(), ops.LoadID("v-1", "2026-12-01")); n != 1 || err != nil {
		t.Errorf("v-1 has %d bookings that day, %v; want 1", n, err)
	}
}

func TestOnlyItsVendorOrStaffAnswersAnOffer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.vendors(t, 1, "v-1", "v-2")
	_, offer := b.offer(t, "bk-1")
	ctx := t.Context()
	staff := func(team ops.Team) ops.Actor { return ops.Actor{ID: "sam", Teams: []ops.Team{team}} }
	accept := task.Decision{Outcome: "accepted"}
	_, err := b.tasks.Complete(ctx, offer.ID, staff(ops.Finance), accept)
	code(t, err, ops.CodeForbidden)
	_, err = b.tasks.Complete(ctx, offer.ID, ops.Actor{ID: "v-1"}, accept) // without the group, the name is nobody's
	code(t, err, ops.CodeForbidden)
	_, err = b.tasks.Claim(ctx, offer.ID, staff(ops.Operations))
	code(t, err, ops.CodeIllegalMove)
	_, err = b.tasks.Complete(ctx, offer.ID, staff(ops.Operations), task.Decision{Outcome: "perhaps"})
	code(t, err, ops.CodeInvalid)
	other := task.Decision{Outcome: "accepted", Form: []byte(`{"vendor_id": "v-2"}`)}
	_, err = b.tasks.Complete(ctx, offer.ID, staff(ops.Operations), other)
	code(t, err, ops.CodeConflict)
	got, err := b.tasks.Complete(ctx, offer.ID, staff(ops.VendorManagement), accept)
	if err != nil || got.Offer.Accepted().AnsweredBy != "sam" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnswersToOffersCountForTheirVendors(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.vendors(t, 0, "v-1", "v-2", "v-3")
	_, offer := b.offer(t, "bk-1")
	b.machine.advance(t.Context(), 6*time.Minute)
	if err := b.answer(t, offer.ID, "v-1", "declined"); err != nil {
		t.Fatal(err)
	}
	b.expire(t, offer.ID)
	if err := b.answer(t, offer.ID, "v-3", "accepted"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][2]float64{"v-1": {0, 95}, "v-2": {0, 0}, "v-3": {100, 100}} { // availability, response
		tally, err := b.store.Tally(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		month := tally.Months["2026-11"]
		got := [2]float64{float64(month[ops.Availability].S) / 100, float64(month[ops.ResponseTime].S) / 100}
		if got != want || month[ops.Availability].N != 1 {
			t.Errorf("%s has %v, want %v", id, got, want)
		}
	}
}

func TestAVendorHasItsPlaceBackWhenTheBookingComesToNothing(t *testing.T) {
	t.Parallel()
	const offered = `
	{"id": "rank", "name": "Rank", "kind": "automated", "action": "vendor.rank"},
	{"id": "offer", "name": "Offer", "kind": "assignment", "depends_on": ["rank"], "compensate": "vendor.release",
	 "offer": {"to": "$.steps.rank.output.candidates", "expires": "20m"}},`
	for name, tt := range map[string]struct {
		template string // what follows; empty: the built-in one
		run      bool   // the workflow takes up that the vendor accepted
		cancel   bool
		want     ops.InstanceStatus
	}{
		"it is cancelled before it knows that the vendor accepted": {cancel: true, want: ops.InstanceCancelled},
		"it is cancelled later": {
			template: `{"id": "call", "name": "Call", "kind": "manual", "depends_on": ["offer"]}`, run: true, cancel: true, want: ops.InstanceCancelled,
		},
		"it fails": {
			template: `{"id": "call", "name": "Call", "kind": "automated", "depends_on": ["offer"], "action": "vendor.assign", "on_error": "compensate"}`,
			run:      true, want: ops.InstanceFailed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.vendors(t, 1, "v-1")
			template := "vendor_assignment"
			if tt.template != "" {
				b.publish(t, document(offered+tt.template))
				template = "sample"
			}
			i := b.start(t, template, ops.SubjectRef{Type: "booking", ID: "bk-1"}, fmt.Sprintf(dated, "bk-1"))
			vendor := ops.Actor{ID: "v-1", Teams: []ops.Team{ops.Vendors}}
			if _, err := b.tasks.Complete(t.Context(), b.openTask(t, i.ID).ID, vendor, task.Decision{Outcome: "accepted"}); err != nil {
				t.Fatal(err)
			}
			if load := b.load(t, "v-1"); load != 1 {
				t.Fatalf("it has %d bookings", load)
			}
			if tt.run {
				b.machine.run(t.Context())
			}
			if tt.cancel {
				if _, err := b.Cancel(t.Context(), i.ID, member(ops.Operations), "the customer is ill"); err != nil {
					t.Fatal(err)
				}
			}
			b.machine.run(t.Context())
			i = b.instance(t, i.ID)
			a, err := b.store.Assignment(t.Context(), "bk-1")
			if i.Status != tt.want || b.load(t, "v-1") != 0 || err != nil || a.VendorID != "" {
				t.Errorf("it is %s (%+v), and the vendor has %d bookings: %+v, %v", i.Status, i.Error, b.load(t, "v-1"), a, err)
			}
			_, offer := b.offer(t, "bk-2")
			if err := b.answer(t, offer.ID, "v-1", "accepted"); err != nil || b.load(t, "v-1") != 1 {
				t.Errorf("the next booking: %v", err)
			}
		})
	}
}

// load counts the bookings that a vendor has on the day of dated.
func (b *bundle) load(t *testing.T, vendor string) int64 {
	t.Helper()
	n, err := b.store.Count(t.Context(), ops.LoadID(vendor, "2026-12-01"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
