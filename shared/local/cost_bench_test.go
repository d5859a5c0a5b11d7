package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/table"
)

// prices are what AWS asks in us-east-1, on demand, beyond what is free, in USD. As of 2026-11-24.
const (
	priceWrite      = 0.625 / 1e6  // DynamoDB write request unit
	priceRead       = 0.125 / 1e6  // DynamoDB read request unit
	priceTransition = 25.0 / 1e6   // Step Functions standard workflow, state transition
	priceInvocation = 0.20 / 1e6   // Lambda request
	priceGBSecond   = 0.0000133334 // Lambda duration, arm64
	priceEvent      = 1.00 / 1e6   // EventBridge custom event
)

// What no local run can count is assumed: how long a function waits for one answer of DynamoDB, EventBridge or Step
// Functions, how long it computes, and its memory as template.yaml has it.
const (
	assumedRequest = 5 * time.Millisecond
	assumedCompute = 3 * time.Millisecond
	functionGB     = 0.5
)

// requests counts what goes to the table. Units are an upper bound: an item's size is taken as that of its JSON, which is
// a little above what DynamoDB counts.
type requests struct {
	table.Table
	mu sync.Mutex
	tally
}

type tally struct {
	gets, batchGets, queries              int
	plain, transactions, transactionItems int
	readUnits, writeUnits                 float64
}

func (r *requests) count(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// units gives the units of so many bytes, of so many each; what is not there costs as much as the smallest.
func units(bytes, each int) float64 { return float64(max(1, (bytes+each-1)/each)) }

func size(item table.Item) int {
	n := len(item.Data) + len(item.Key.PK) + len(item.Key.SK) + len("pkskvwrite_idexpires_at") + 40
	for name, key := range item.Index {
		n += 2*len(name+"_pk") + len(key.PK) + len(key.SK)
	}
	return n
}

func (r *requests) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, found, err := r.Table.Get(ctx, key)
	r.count(func() { r.gets++; r.readUnits += units(size(item), 4<<10) })
	return item, found, err
}

func (r *requests) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	items, err := r.Table.BatchGet(ctx, keys)
	r.count(func() {
		r.batchGets++
		for _, key := range keys {
			r.readUnits += units(size(items[key]), 4<<10)
		}
	})
	return items, err
}

func (r *requests) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := r.Table.Query(ctx, q)
	r.count(func() {
		r.queries++
		bytes := 0
		for _, item := range page.Items {
			bytes += size(item)
		}
		n := units(bytes, 4<<10)
		if !q.Consistent {
			n /= 2
		}
		r.readUnits += n
	})
	return page, err
}

func (r *requests) Write(ctx context.Context, w table.Write) error {
	n := 0.0
	for _, p := range w.Puts {
		old, _, err := r.Table.Get(ctx, p.Item.Key)
		if err != nil {
			return err
		}
		n += units(max(size(p.Item), size(old)), 1<<10)
	}
	n += float64(len(w.Deletes) + len(w.Counters))
	items := len(w.Puts) + len(w.Deletes) + len(w.Counters)
	if items > 1 {
		n *= 2
	}
	for _, p := range w.Puts {
		old, _, err := r.Table.Get(ctx, p.Item.Key)
		if err != nil {
			return err
		}
		n += indexUnits(old, p.Item)
	}
	err := r.Table.Write(ctx, w)
	r.count(func() {
		r.writeUnits += n
		if items == 1 {
			r.plain++
			return
		}
		r.transactions++
		r.transactionItems += items
	})
	return err
}

// indexUnits is what a write costs in the indexes: one for a place that is new or lost, two for one that moves, one for
// one that stays while the index holds more than keys. Entries are below 1 KiB.
func indexUnits(from, to table.Item) float64 {
	n := 0.0
	for name, key := range to.Index {
		was, ok := from.Index[name]
		switch {
		case !ok:
			n++
		case was != key:
			n += 2
		case name != "wake":
			n++
		}
	}
	for name := range from.Index {
		if _, ok := to.Index[name]; !ok {
			n++
		}
	}
	return n
}

// BenchmarkAWSRequests counts what workflows ask of AWS, each measured once the system has seen one like it and is warm.
// State transitions are the states entered and one for the start of each execution, which is the careful reading of AWS's
// price list; USD-without-start/M is the total if the start is free. Time is virtual, so that sweep-due does not come in between.
func BenchmarkAWSRequests(b *testing.B) {
	for _, c := range []struct {
		name, event string
		detail      func(id string) any
		taught      bool // with the four-step workflow; its rule would answer what a booking leads to, too
	}{
		{"booking_created-two-workflows", "booking_created", func(id string) any { return booking(id) }, false},
		{"four-step-workflow", "vendor_assigned", func(id string) any { return map[string]string{"booking_id": id, "vendor_id": id} }, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBenchSystem(b, clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)))
			r := &requests{}
			s.WrapTable(func(t table.Table) table.Table { r.Table = t; return r })
			if c.taught {
				s.teach()
			}
			events, err := s.CountEvents(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			invoked, err := s.CountInvocations()
			if err != nil {
				b.Fatal(err)
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
			b.ResetTimer()
			before, transitions, started := r.now(), s.transitions(), s.executionCount()
			events.Store(0)
			invoked.Store(0)
			for i := range b.N {
				put(fmt.Sprintf("bench-%d", i))
			}
			b.StopTimer()
			n := float64(b.N)
			per := func(from, to int) float64 { return float64(to-from) / n }
			after := r.now()
			metrics := []struct {
				name  string
				value float64
			}{
				{"gets", per(before.gets, after.gets)},
				{"batchgets", per(before.batchGets, after.batchGets)},
				{"queries", per(before.queries, after.queries)},
				{"plain-writes", per(before.plain, after.plain)},
				{"transactions", per(before.transactions, after.transactions)},
				{"transaction-items", per(before.transactionItems, after.transactionItems)},
				{"RRU", (after.readUnits - before.readUnits) / n},
				{"WRU", (after.writeUnits - before.writeUnits) / n},
				{"executions", per(started, s.executionCount())},
				{"transitions", per(transitions, s.transitions())},
				{"invocations", float64(invoked.Load()) / n},
				{"events", float64(events.Load()) / n},
			}
			value := map[string]float64{}
			for _, m := range metrics {
				b.ReportMetric(m.value, m.name)
				value[m.name] = m.value
			}
			asked := value["gets"] + value["batchgets"] + value["queries"] + value["plain-writes"] + value["transactions"] +
				value["executions"] + value["events"] - 1 // the first event is somebody else's request
			seconds := asked*assumedRequest.Seconds() + value["invocations"]*assumedCompute.Seconds()
			const million = 1e6
			dynamo := million * (value["RRU"]*priceRead + value["WRU"]*priceWrite)
			states := million * value["transitions"] * priceTransition
			lambda := million * (value["invocations"]*priceInvocation + seconds*functionGB*priceGBSecond)
			bus := million * value["events"] * priceEvent
			b.ReportMetric(dynamo, "USD-dynamodb/M")
			b.ReportMetric(states, "USD-states/M")
			b.ReportMetric(lambda, "USD-lambda/M")
			b.ReportMetric(bus, "USD-events/M")
			b.ReportMetric(dynamo+states+lambda+bus, "USD/M")
			starts := million * value["executions"] * priceTransition
			b.ReportMetric(dynamo+states+lambda+bus-starts, "USD-without-start/M")
		})
	}
}

// now gives the counters as they stand.
func (r *requests) now() tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

func (s *benchSystem) executionCount() int {
	s.b.Helper()
	all, err := s.Executions(s.b.Context())
	if err != nil {
		s.b.Fatal(err)
	}
	return len(all)
}

func (s *benchSystem) transitions() int {
	s.b.Helper()
	all, err := s.Executions(s.b.Context())
	if err != nil {
		s.b.Fatal(err)
	}
	n := len(all)
	for _, history := range all {
		for _, e := range history {
			if strings.HasSuffix(e.Type, "StateEntered") {
				n++
			}
		}
	}
	return n
}
