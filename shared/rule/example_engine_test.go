package rule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/table/embedded"
)

func ExampleEngine_HandleEvent() {
	c := clock.Virtual(now)
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close() //nolint:errcheck // it is in memory
	table, err := embedded.NewTable(db, "opsflow", store.Indexes(), c.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	records := store.New(table, randomness(), c.Now)
	engine := rule.New(rule.Config{
		Store: records, Workflows: &workflows{clock: c, launched: map[string]int{}}, Bus: &bus{},
		Clock: c, Random: randomness(), Logger: slog.New(slog.DiscardHandler),
	})

	ctx := context.Background()
	err = engine.HandleEvent(ctx, ops.Envelope{
		ID: "eb-1", Source: "booking", DetailType: "service_completed", Time: now,
		Detail: json.RawMessage(`{"booking_id": "bk-1", "vendor_id": "v-1", "service_value": 100}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := records.Event(ctx, "eb-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.Identity)
	for _, d := range event.Decisions {
		fmt.Println(d.Rule, d.Outcome)
		if d.Leaf != nil {
			fmt.Printf("  %s %s %s, got %s\n", d.Leaf.Path, d.Leaf.Op, d.Leaf.Want, d.Leaf.Got)
		}
	}
	// Output:
	// service_completed booking_id=bk-1
	// quality-check not_matched
	//   detail.service_value gt 100, got 100
	// satisfaction-survey matched
}
