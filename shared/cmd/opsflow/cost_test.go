package main

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/meter"
)

func TestCostCountsWhatARunAsksOfAWS(t *testing.T) {
	t.Parallel()
	var got struct {
		Prices meter.Prices   `json:"prices"`
		Items  []templateCost `json:"items"`
	}
	args := []string{"cost", "booking_processing", "payment_processing", "--runs", "2", "--template", filepath.Join("..", "..", "..", "template.yaml"), "--json"}
	r := typed(t.Context(), "", args...)
	if r.code != 0 {
		t.Fatalf("cost: %+v", r)
	}
	if err := decode([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != 2 || got.Prices.AsOf == "" {
		t.Fatalf("it prints %+v, want two templates and the day of the prices", got)
	}
	auto, human := got.Items[0].Each, got.Items[1].Each
	if auto.Executions != 1 || human.Executions != 1 || human.Transitions != auto.Transitions {
		t.Errorf("a run is %v and %v executions of %v and %v states, want one of each, with as many states: each has one wait",
			auto.Executions, human.Executions, auto.Transitions, human.Transitions)
	}
	if auto.Events != 2 || human.Events != 1 { // booking_confirmed and workflow_completed; workflow_completed
		t.Errorf("a run is %v and %v events, want 2 and 1", auto.Events, human.Events)
	}
	if human.WriteUnits <= auto.WriteUnits {
		t.Errorf("a person's task costs no write: %v and %v units", human.WriteUnits, auto.WriteUnits)
	}
	c := got.Items[0].Million
	want := 1e6*(auto.ReadUnits*got.Prices.ReadUnit+auto.WriteUnits*got.Prices.WriteUnit) + 1e6*(auto.Transitions+1)*got.Prices.Transition
	if sum := c.DynamoDB + c.StepFunctions; math.Abs(sum-want) > 1e-6 || math.Abs(c.Total-sum-c.Lambda-c.EventBridge) > 1e-6 {
		t.Errorf("a million runs cost %+v, want %v for DynamoDB and Step Functions, and the sum as the total", c, want)
	}
	if r := typed(t.Context(), "", "cost", "--runs", "0"); r.code != exitInvalid {
		t.Errorf("no runs: exit code %d, want %d", r.code, exitInvalid)
	}
}

func TestCostTellsWhatARunningSystemWasChargedFor(t *testing.T) {
	t.Parallel()
	o := setupOn(t, clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)))
	_, task := o.awaitsApproval()
	o.must("tasks", "complete", task)
	o.idle()
	var bill local.Bill
	o.read(&bill, "cost", "--running")
	var sum, events float64
	found := map[meter.Who]meter.Account{}
	for _, a := range bill.Items {
		found[a.Who] = a
		sum += a.Cost.Total
		events += a.Use.Events
	}
	if math.Abs(sum-bill.Total.Total) > 1e-12 || sum == 0 {
		t.Errorf("the items come to %v, the total is %v", sum, bill.Total.Total)
	}
	payment := found[meter.Who{Kind: meter.Workflow, Name: "opsflow-payment_processing-v1"}]
	// Entering the approval, and the state at the end; the invocation of each, with what they wrote.
	if payment.Runs != 1 || payment.Use.Transitions != 2 || payment.Use.Invocations != 2 || payment.Use.WriteUnits == 0 {
		t.Errorf("the payment's workflow is charged for %+v", payment)
	}
	matching := found[meter.Who{Kind: meter.Function, Name: "opsflow-match-payments"}]
	if matching.Runs != 1 || matching.Use.WriteUnits == 0 || matching.Use.Transitions != 0 {
		t.Errorf("the matching of its event is charged for %+v", matching)
	}
	if api := found[meter.Who{Kind: meter.Function, Name: "opsflow-api"}]; api.Use.Events != 1 {
		t.Errorf("the API, by which the event was put, is charged for %+v", api)
	}
	if demo, counted := found[meter.Who{Kind: meter.Outside}]; counted {
		t.Errorf("the demo is charged for: %+v", demo)
	}
	if events != 2 { // the payment, and workflow_completed
		t.Errorf("%v events are charged, want 2", events)
	}
	if out := o.must("cost", "--running"); !line(out, "workflow opsflow-payment_processing-v1", "1") {
		t.Errorf("it prints:\n%s", out)
	}
}
