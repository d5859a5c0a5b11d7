package workflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/workflow"
)

// matching makes the rule engine on the store, which may be one that crashes.
func (b *bundle) matching(s rule.Store) *rule.Engine {
	return rule.New(rule.Config{
		Store: s, Workflows: b.Engine, Bus: b.bus, Clock: b.clock, Random: rand.NewChaCha8([32]byte{2}),
		Logger: slog.New(slog.DiscardHandler),
	})
}

// paid is a payment of booking bk-1, as EventBridge delivers it.
func (b *bundle) paid(id string) ops.Envelope {
	return ops.Envelope{
		ID: "env-" + id, Source: "payments", DetailType: string(ops.PaymentReceived), Time: b.clock.Now(),
		Detail: json.RawMessage(fmt.Sprintf(`{"payment_id": %q, "booking_id": "bk-1", "amount": 10, "currency": "AED"}`, id)),
	}
}

// pay has match-rules handle a payment, again after a crash.
func (b *bundle) pay(t *testing.T, id string) {
	t.Helper()
	paid := b.paid(id)
	err := b.matching(b.saver).HandleEvent(t.Context(), paid)
	if errors.Is(err, errCrash) {
		b.saver.repair()
		err = b.matching(b.saver).HandleEvent(t.Context(), paid)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
}

// looked hands an instance to sweep-due's handler, and lets what follows happen.
func (b *bundle) looked(t *testing.T, instance string) *ops.Instance {
	t.Helper()
	if err := b.HandleDue(t.Context(), ops.Ref{Kind: ops.KindInstance, ID: instance}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	return b.instance(t, instance)
}

const (
	awaiting = `
	{"id": "ask", "name": "Ask for the payment", "kind": "manual"},
	{"id": "paid", "name": "Paid", "kind": "await_event", "depends_on": ["ask"], "event": "payment_received", "key": "$.context.key"%s},
	{"id": "ship", "name": "Ship", "kind": "automated", "depends_on": ["paid"], "action": "test.count"}`
	inThreeDays = `, "timeout": "72h"`
)

func awaitingSetup(t *testing.T, more string) (*bundle, *counting) {
	t.Helper()
	c := &counting{}
	b := setup(t, map[string]workflow.Action{"test.count": c.act})
	b.publish(t, document(fmt.Sprintf(awaiting, more)))
	return b, c
}

func TestAnEventEndsTheWaitForIt(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		key, more      string
		before, during bool // it arrives before the workflow, before the step, or while the step waits
		want           ops.StepStatus
	}{
		"by what it is about, while the step waits":       {key: "pay-1", want: ops.StepCompleted},
		"by its booking, while the step waits":            {key: "bk-1", want: ops.StepCompleted},
		"by what it is about, before the step":            {key: "pay-1", during: true, want: ops.StepCompleted},
		"by its booking, before the step":                 {key: "bk-1", during: true, want: ops.StepCompleted},
		"another one's":                                   {key: "pay-2", want: ops.StepInProgress},
		"before the workflow":                             {key: "pay-1", before: true, want: ops.StepInProgress},
		"before the workflow, within the lookback":        {key: "pay-1", before: true, more: `, "lookback": "2h"`, want: ops.StepCompleted},
		"before the step, beyond the lookback":            {key: "pay-1", during: true, more: `, "lookback": "30m"`, want: ops.StepInProgress},
		"before the step, by its booking, within a limit": {key: "bk-1", during: true, more: `, "lookback": "2h"`, want: ops.StepCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, c := awaitingSetup(t, at.more)
			if at.before {
				b.pay(t, "pay-1")
				b.machine.advance(t.Context(), time.Hour)
			}
			i := b.start(t, "sample", ops.SubjectRef{}, fmt.Sprintf(`{"key": %q}`, at.key))
			if at.during {
				b.pay(t, "pay-1")
				b.machine.advance(t.Context(), time.Hour)
			}
			i = b.decide(t, i.ID, "ask", true)
			if !at.before && !at.during {
				if w := i.WaitingFor; w == nil || w.Kind != "event" || w.Ref != "payment_received "+at.key {
					t.Errorf("waits for %+v", w)
				}
				b.pay(t, "pay-1")
				b.pay(t, "pay-1") // EventBridge delivers it again
			}
			i = b.instance(t, i.ID)
			rec := i.Step("paid")
			if rec.Status != at.want {
				t.Fatalf("the step is %s, not %s", rec.Status, at.want)
			}
			if at.want != ops.StepCompleted {
				return
			}
			var out struct {
				Detail struct {
					Amount int `json:"amount"`
				} `json:"detail"`
			}
			if err := json.Unmarshal(rec.Output, &out); err != nil || out.Detail.Amount != 10 {
				t.Errorf("the step's output is %s", rec.Output)
			}
			if i.Status != ops.InstanceCompleted || c.runs["ship"] != 1 {
				t.Errorf("ends %s, shipped %d times", i.Status, c.runs["ship"])
			}
		})
	}
}

// Whenever the event comes while the step begins to wait, one of the two sees the other, without sweep-due.
func TestAnEventThatComesBetweenAnyTwoWritesIsSeen(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		b, c := awaitingSetup(t, "")
		i := b.start(t, "sample", ops.SubjectRef{}, `{"key": "bk-1"}`)
		b.saver.before(n, func() {
			if err := b.matching(b.store).HandleEvent(t.Context(), b.paid("pay-1")); err != nil {
				t.Error(err)
			}
		})
		i = b.decide(t, i.ID, "ask", true)
		if !b.saver.happened() {
			if n < 2 {
				t.Errorf("the step begins to wait in %d writes", n)
			}
			return
		}
		if i.Status != ops.InstanceCompleted || c.runs["ship"] != 1 {
			t.Errorf("before write %d: %s, shipped %d times: %+v", n, i.Status, c.runs["ship"], i.WaitingFor)
		}
	}
}

// A death of match-rules is mended by the delivery's next try; without one, by sweep-due.
func TestAnEventWhoseHandlerDiesEndsTheWaitOnce(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		for n := range 3 {
			for _, applied := range []bool{false, true} {
				b, c := awaitingSetup(t, "")
				i := b.start(t, "sample", ops.SubjectRef{}, `{"key": "bk-1"}`)
				b.decide(t, i.ID, "ask", true)
				b.saver.arm(n, applied)
				err := b.matching(b.saver).HandleEvent(t.Context(), b.paid("pay-1"))
				b.saver.repair()
				if err != nil && again {
					err = b.matching(b.saver).HandleEvent(t.Context(), b.paid("pay-1"))
				}
				stored := err == nil || applied
				b.machine.run(t.Context())
				if !again {
					b.machine.advance(t.Context(), 61*time.Minute)
					b.looked(t, i.ID)
				}
				i = b.instance(t, i.ID)
				if done := i.Status == ops.InstanceCompleted; done != stored || stored && c.runs["ship"] != 1 {
					t.Errorf("again %v, write %d applied %v: ends %s, shipped %d times", again, n, applied, i.Status, c.runs["ship"])
				}
			}
		}
	}
}

func TestAWaitForAnEventEndsInTime(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]struct {
		status ops.InstanceStatus
		step   ops.StepStatus
	}{
		inThreeDays:                                                {ops.InstanceFailed, ops.StepFailed},
		inThreeDays + `, "on_timeout": "skip"`:                     {ops.InstanceCompleted, ops.StepSkipped},
		inThreeDays + `, "on_error": "skip"`:                       {ops.InstanceCompleted, ops.StepSkipped},
		inThreeDays + `, "on_error": "skip", "on_timeout": "fail"`: {ops.InstanceFailed, ops.StepFailed},
		``: {ops.InstanceRunning, ops.StepInProgress},
	} {
		b, _ := awaitingSetup(t, more)
		i := b.start(t, "sample", ops.SubjectRef{}, `{"key": "bk-1"}`)
		b.decide(t, i.ID, "ask", true)
		b.machine.advance(t.Context(), 71*time.Hour)
		if i = b.looked(t, i.ID); i.Step("paid").Status != ops.StepInProgress {
			t.Errorf("%s: %s before its time", more, i.Step("paid").Status)
		}
		b.machine.advance(t.Context(), time.Hour)
		i = b.looked(t, i.ID)
		if rec := i.Step("paid"); i.Status != want.status || rec.Status != want.step {
			t.Errorf("%s: ends %s, its step %s", more, i.Status, rec.Status)
		}
		b.pay(t, "pay-1") // too late
		if now := b.instance(t, i.ID); want.step != ops.StepInProgress && now.Status != i.Status {
			t.Errorf("%s: a late event makes it %s", more, now.Status)
		}
	}
}

func TestAnEventThatComesWhileTheWorkflowIsPausedCounts(t *testing.T) {
	t.Parallel()
	b, c := awaitingSetup(t, inThreeDays)
	i := b.start(t, "sample", ops.SubjectRef{}, `{"key": "bk-1"}`)
	b.decide(t, i.ID, "ask", true)
	if _, err := b.Pause(t.Context(), i.ID, member(ops.Operations), "holiday"); err != nil {
		t.Fatal(err)
	}
	b.pay(t, "pay-1")
	b.machine.advance(t.Context(), 100*time.Hour)
	if i = b.instance(t, i.ID); i.Step("paid").Status != ops.StepInProgress {
		t.Errorf("a paused workflow's step is %s", i.Step("paid").Status)
	}
	if _, err := b.Resume(t.Context(), i.ID, member(ops.Operations), "back"); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || c.runs["ship"] != 1 {
		t.Errorf("ends %s: %+v", i.Status, i.Error)
	}
}

func TestAWaitThatFailedIsBegunAgainByARetry(t *testing.T) {
	t.Parallel()
	b, c := awaitingSetup(t, inThreeDays)
	i := b.start(t, "sample", ops.SubjectRef{}, `{"key": "bk-1"}`)
	b.decide(t, i.ID, "ask", true)
	b.machine.advance(t.Context(), 72*time.Hour)
	b.looked(t, i.ID)
	if _, err := b.Retry(t.Context(), i.ID, member(ops.Operations), workflow.Retry{}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	b.pay(t, "pay-1")
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || c.runs["ship"] != 1 {
		t.Errorf("ends %s: %+v", i.Status, i.Error)
	}
	// Whoever comes next finds the waiters of what is over, and takes them away.
	b.pay(t, "pay-2")
	if left, err := b.store.Waiters(t.Context(), ops.PaymentReceived, "bk-1"); err != nil || len(left) > 0 {
		t.Errorf("waiters left: %v, %v", left, err)
	}
}

func TestWaitsInARowTakeEventsInTheOrderOfTheirArrival(t *testing.T) {
	t.Parallel()
	for before := range 4 { // so many payments come before the first wait begins
		b := setup(t, nil)
		b.publish(t, document(`
	{"id": "ask", "name": "Ask", "kind": "manual"},
	{"id": "one", "name": "Deposit", "kind": "await_event", "depends_on": ["ask"], "event": "payment_received", "key": "bk-1"},
	{"id": "two", "name": "Second part", "kind": "await_event", "depends_on": ["one"], "event": "payment_received", "key": "bk-1"},
	{"id": "three", "name": "The rest", "kind": "await_event", "depends_on": ["two"], "event": "payment_received", "key": "bk-1"}`))
		i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
		for n := range 3 {
			if n == before {
				b.decide(t, i.ID, "ask", true)
			}
			b.pay(t, fmt.Sprintf("pay-%d", n+1))
			b.pay(t, fmt.Sprintf("pay-%d", n+1)) // EventBridge delivers it again
			b.machine.advance(t.Context(), time.Second)
		}
		if before == 3 {
			b.decide(t, i.ID, "ask", true)
		}
		if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
			t.Errorf("%d before: ends %s, waiting for %+v", before, i.Status, i.WaitingFor)
			continue
		}
		for n, step := range []string{"one", "two", "three"} {
			var out struct {
				Detail struct {
					PaymentID string `json:"payment_id"`
				} `json:"detail"`
			}
			want := fmt.Sprintf("pay-%d", n+1)
			if err := json.Unmarshal(i.Step(step).Output, &out); err != nil || out.Detail.PaymentID != want {
				t.Errorf("%d before: step %s took %s, not %s", before, step, i.Step(step).Output, want)
			}
		}
	}
}

func TestAWaitCountsAnEventThatIsNoLongerKept(t *testing.T) {
	t.Parallel()
	b, c := awaitingSetup(t, "")
	i := b.start(t, "sample", ops.SubjectRef{}, `{"key": "bk-1"}`)
	b.pay(t, "pay-1")
	b.machine.advance(t.Context(), ops.EventRetention+time.Hour)
	if i = b.decide(t, i.ID, "ask", true); i.Status != ops.InstanceCompleted || c.runs["ship"] != 1 {
		t.Errorf("ends %s: %+v", i.Status, i.WaitingFor)
	}
}

func TestAWaitForNothingInParticularFails(t *testing.T) {
	t.Parallel()
	b, _ := awaitingSetup(t, "")
	i := b.start(t, "sample", ops.SubjectRef{}, `{"key": 7}`)
	if i = b.decide(t, i.ID, "ask", true); i.Status != ops.InstanceFailed || i.Error.Code != "no_key" {
		t.Errorf("ends %s: %+v", i.Status, i.Error)
	}
}
