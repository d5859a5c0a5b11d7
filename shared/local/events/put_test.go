package events_test

import (
	"context"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/events"
)

func TestEventReachesTheTargetOfItsRuleOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bookingRule()
	b.rule(events.Rule{Name: "payments", Bus: bookings, Pattern: `{"detail-type": ["payment_received"]}`},
		events.Target{ID: "fn", ARN: fnARN})
	b.rule(events.Rule{Name: "off", Bus: bookings, Pattern: `{"source": ["shop"]}`, Disabled: true},
		events.Target{ID: "fn", ARN: fnARN})
	b.rule(events.Rule{Name: "elsewhere", Pattern: `{"source": ["shop"]}`}, events.Target{ID: "fn", ARN: fnARN})

	id := b.put(`{"booking_id": "b-1", "total": 1.50}`)
	got := b.calls()
	if len(got) != 1 || got[0].target != "match-rules" {
		t.Fatalf("got %v, want one invocation of match-rules", got)
	}
	want := `{"version":"0","id":"` + id + `","detail-type":"booking_created","source":"shop","account":"000000000000",` +
		`"time":"2026-11-24T09:30:15Z","region":"us-east-1","resources":[],"detail":{"booking_id": "b-1", "total": 1.50}}`
	if got[0].payload != want {
		t.Errorf("payload\n%s\nwant\n%s", got[0].payload, want)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("event id %q is not a UUID", id)
	}
	b.advance(48 * time.Hour)
	if got := b.calls(); len(got) != 1 {
		t.Errorf("delivered %d times", len(got))
	}
}

func TestEntryFieldsAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bookingRule()
	res, err := b.Put(t.Context(), []events.Entry{{
		Source: `a "shop" <1>`, DetailType: "booking_created", Detail: " {\"a\":1}\n", Resources: []string{"r1", "r2"},
		EventBusName: "arn:aws:events:us-east-1:000000000000:event-bus/" + bookings,
		Time:         time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.FixedZone("", 3600)),
	}})
	if err != nil || res[0].ErrorCode != "" {
		t.Fatal(res, err)
	}
	got := b.calls()
	if len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	m := fields(t, got[0].payload)
	if m["source"] != `a "shop" <1>` || m["time"] != "2026-01-02T02:04:05Z" || !reflect.DeepEqual(m["resources"], []any{"r1", "r2"}) {
		t.Errorf("got %v", m)
	}
	if !strings.Contains(got[0].payload, `"source":"a \"shop\" <1>"`) || !strings.HasSuffix(got[0].payload, `"detail":{"a":1}}`) {
		t.Errorf("text changed: %s", got[0].payload)
	}
}

// insider marks who may send everything.
type insider struct{}

func TestEntriesFailOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *events.Options) {
		o.MaySendAs = func(ctx context.Context, _, source string) bool {
			return source != "opsflow" || ctx.Value(insider{}) != nil
		}
	})
	b.bookingRule()
	entry := func(change func(*events.Entry)) events.Entry {
		e := events.Entry{Source: "shop", DetailType: "booking_created", Detail: "{}", EventBusName: bookings}
		change(&e)
		return e
	}
	entries := []events.Entry{
		entry(func(*events.Entry) {}),
		entry(func(e *events.Entry) { e.Source = "" }),
		entry(func(e *events.Entry) { e.DetailType = "" }),
		entry(func(e *events.Entry) { e.Detail = "" }),
		entry(func(e *events.Entry) { e.Detail = "[1]" }),
		entry(func(e *events.Entry) { e.Detail = `{"a":` }),
		entry(func(e *events.Entry) { e.Source = "aws.ec2" }),
		entry(func(e *events.Entry) { e.Source = "opsflow" }),
		entry(func(e *events.Entry) { e.DetailType = strings.Repeat("x", 129) }),
		entry(func(e *events.Entry) { e.Detail = " \n" }),
	}
	want := []string{
		"", "InvalidArgument", "InvalidArgument", "InvalidArgument", "MalformedDetail", "MalformedDetail",
		"NotAuthorizedForSourceException", "NotAuthorizedForSourceException", "InvalidArgument", "MalformedDetail",
	}
	res, err := b.Put(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range res {
		if r.ErrorCode != want[i] || (r.EventID == "") != (want[i] != "") || (r.ErrorMessage == "") != (want[i] == "") {
			t.Errorf("entry %d: got %+v, want code %q", i, r, want[i])
		}
	}
	if got := b.calls(); len(got) != 1 {
		t.Errorf("%d delivered, want the one good entry", len(got))
	}
	if res, err := b.Put(context.WithValue(t.Context(), insider{}, true), entries[7:8]); err != nil || res[0].ErrorCode != "" {
		t.Errorf("sender inside refused: %v %v", res, err)
	}
}

func TestCallIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bookingRule()
	good := events.Entry{Source: "shop", DetailType: "booking_created", Detail: "{}", EventBusName: bookings}
	big := good
	big.Detail = `{"a":"` + strings.Repeat("x", 600<<10) + `"}`
	for name, entries := range map[string][]events.Entry{
		"none": nil, "eleven": slicesRepeat(good, 11), "over 1 MiB": {big, big},
	} {
		if _, err := b.Put(t.Context(), entries); code(err) != "ValidationException" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := b.Put(t.Context(), []events.Entry{big}); err != nil {
		t.Errorf("600 KiB: %v", err)
	}
	if got := b.calls(); len(got) != 1 {
		t.Errorf("%d delivered", len(got))
	}
}

func slicesRepeat(e events.Entry, n int) []events.Entry {
	all := make([]events.Entry, n)
	for i := range all {
		all[i] = e
	}
	return all
}

func TestEventToAnUnknownBusIsAcceptedAndGoesNowhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.Put(t.Context(), []events.Entry{{Source: "s", DetailType: "d", Detail: "{}", EventBusName: "none"}})
	if err != nil || res[0].EventID == "" || res[0].ErrorCode != "" {
		t.Errorf("got %v %v", res, err)
	}
}

func TestAWSServicesSendOnTheDefaultBus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(events.Rule{Name: "ended", Pattern: `{"source": ["aws.states"], "detail": {"status": ["FAILED"]}}`},
		events.Target{ID: "sm", ARN: smARN, RoleARN: roleARN, InputPath: "$.detail"})
	err := b.PublishAWS(t.Context(), events.Event{
		Source: "aws.states", DetailType: "Step Functions Execution Status Change", Detail: json.RawMessage(`{"status":"FAILED"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := b.calls()
	if len(got) != 1 || got[0].target != smARN || got[0].payload != `{"status":"FAILED"}` {
		t.Errorf("got %v", got)
	}
}
