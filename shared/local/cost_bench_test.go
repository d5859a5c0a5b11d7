package local_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/meter"
)

// BenchmarkAWSRequests counts what workflows ask of AWS, each measured once the system has seen one like it and is warm.
// State transitions are the states entered and one for the start of each execution, which is the careful reading of AWS's
// price list; USD-without-start/M is the total if the start is free. Time is virtual, so that sweep-due does not come in between.
func BenchmarkAWSRequests(b *testing.B) {
	prices, err := meter.List()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, event string
		detail      func(id string) any
		taught      bool // with the four-step workflow; its rule would answer what a booking leads to, too
	}{
		{"booking_created-two-workflows", "booking_created", func(id string) any { return booking(id) }, false},
		{"four-step-workflow", "booking_confirmed", func(id string) any { return map[string]string{"booking_id": id, "vendor_id": id} }, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBenchSystem(b, clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)))
			if c.taught {
				s.teach()
			}
			put := func(id string) {
				detail, err := json.Marshal(c.detail(id))
				if err != nil {
					b.Fatal(err)
				}
				if res, err := s.PutEvent(b.Context(), c.event, string(detail)); err != nil || res.ErrorCode != "" {
					b.Fatal(err, res.ErrorMessage)
				}
				settle(b, s)
			}
			put("warm-up")
			before := s.Meter().Use()
			b.ResetTimer()
			for i := range b.N {
				put(fmt.Sprintf("bench-%d", i))
			}
			b.StopTimer()
			each := s.Meter().Use().Since(before).Times(1 / float64(b.N))
			const million = 1e6
			cost := prices.Of(each)
			for _, v := range []struct {
				value float64
				name  string
			}{
				{each.Gets, "gets"},
				{each.BatchGets, "batchgets"},
				{each.Queries, "queries"},
				{each.Writes, "plain-writes"},
				{each.Transactions, "transactions"},
				{each.TransactionItems, "transaction-items"},
				{each.ReadUnits, "RRU"},
				{each.WriteUnits, "WRU"},
				{each.Executions, "executions"},
				{each.Transitions + each.Executions, "transitions"},
				{each.Invocations, "invocations"},
				{each.Events, "events"},
				{million * cost.DynamoDB, "USD-dynamodb/M"},
				{million * cost.StepFunctions, "USD-states/M"},
				{million * cost.Lambda, "USD-lambda/M"},
				{million * cost.EventBridge, "USD-events/M"},
				{million * cost.Total, "USD/M"},
				{million * (cost.Total - cost.Starts), "USD-without-start/M"},
			} {
				b.ReportMetric(v.value, v.name)
			}
		})
	}
}
