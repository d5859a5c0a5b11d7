package events_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/events"
)

func TestTargetInput(t *testing.T) {
	t.Parallel()
	const detail = `{"id":"b-1","n":1.50,"note":"say \"hi\"","tags":["a","b"],"deep":{"first name":"Ann"}}`
	for _, c := range []struct {
		name   string
		target events.Target
		want   string // payload, or the reason of the dead letter behind "!"
	}{
		{"constant", events.Target{Input: `{"fixed": true}`}, `{"fixed": true}`},
		{"detail", events.Target{InputPath: "$.detail"}, detail},
		{"number", events.Target{InputPath: "$.detail.n"}, `1.50`},
		{"index", events.Target{InputPath: "$.detail.tags[1]"}, `"b"`},
		{"quoted name", events.Target{InputPath: "$['detail'].deep['first name']"}, `"Ann"`},
		{"missing", events.Target{InputPath: "$.detail.none"}, `null`},
		{"template", events.Target{InputTransformer: &events.InputTransformer{
			InputPathsMap: map[string]string{"id": "$.detail.id", "n": "$.detail.n", "tags": "$.detail.tags", "none": "$.detail.none"},
			InputTemplate: `{"id": <id>, "text": "booking <id> of <n>: <tags><none>", "tags": <tags>, "x": <none>, "y": "<no name>"}`,
		}}, `{"id": "b-1", "text": "booking b-1 of 1.50: [\"a\",\"b\"]", "tags": ["a","b"], "x": null, "y": "<no name>"}`},
		{"string", events.Target{InputTransformer: &events.InputTransformer{
			InputPathsMap: map[string]string{"note": "$.detail.note"}, InputTemplate: `"they <note>"`,
		}}, `"they say \"hi\""`},
		{"own names", events.Target{InputTransformer: &events.InputTransformer{
			InputTemplate: `{"rule": <aws.events.rule-name>, "arn": "<aws.events.rule-arn>", "at": <aws.events.event.ingestion-time>}`,
		}}, `{"rule": "bookings", "arn": "arn:aws:events:us-east-1:000000000000:rule/opsflow/bookings", "at": "2026-11-24T09:30:15Z"}`},
		{"the event without its detail", events.Target{InputTransformer: &events.InputTransformer{
			InputPathsMap: map[string]string{"id": "$.detail.id"}, InputTemplate: `{"id": <id>, "event": <aws.events.event>}`,
		}}, `{"id": "b-1", "event": {"version":"0","id":"ID","detail-type":"booking_created","source":"shop","account":"000000000000",` +
			`"time":"2026-11-24T09:30:15Z","region":"us-east-1","resources":[]}}`},
		{
			"the whole event",
			events.Target{InputTransformer: &events.InputTransformer{InputTemplate: `<aws.events.event.json>`}},
			`{"version":"0","id":"ID","detail-type":"booking_created","source":"shop","account":"000000000000",` +
				`"time":"2026-11-24T09:30:15Z","region":"us-east-1","resources":[],"detail":` + detail + `}`,
		},
		{"two texts for a function", events.Target{InputTransformer: &events.InputTransformer{
			InputPathsMap: map[string]string{"id": "$.detail.id"}, InputTemplate: "\"<id>\"\n\"came\"",
		}}, "!makes no valid JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c.target.ID, c.target.ARN = "fn", fnARN
			b.rule(events.Rule{Name: "bookings", Bus: bookings, Pattern: `{"detail-type": ["booking_created"]}`}, c.target)
			want := strings.ReplaceAll(c.want, "ID", b.put(detail))
			got := b.calls()
			if reason, ok := strings.CutPrefix(c.want, "!"); ok {
				dead := b.deadLetters()
				if len(got) != 0 || len(dead) != 1 || dead[0].Cause != "INVALID_JSON" || !strings.Contains(dead[0].Reason, reason) {
					t.Errorf("got %v, dead %+v", got, dead)
				}
				return
			}
			if len(got) != 1 || got[0].payload != want {
				t.Errorf("got %v\nwant %s", got, want)
			}
		})
	}
}

func TestRefusedTargetsAndRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bookingRule()
	big, small := 186, 59
	for name, target := range map[string]events.Target{
		"no id":        {ARN: fnARN},
		"no arn":       {ID: "x"},
		"stream":       {ID: "x", ARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s"},
		"two inputs":   {ID: "x", ARN: fnARN, Input: "{}", InputPath: "$"},
		"input":        {ID: "x", ARN: fnARN, Input: "{"},
		"path":         {ID: "x", ARN: fnARN, InputPath: "detail"},
		"no template":  {ID: "x", ARN: fnARN, InputTransformer: &events.InputTransformer{}},
		"undeclared":   {ID: "x", ARN: fnARN, InputTransformer: &events.InputTransformer{InputTemplate: `{"a": <b>}`}},
		"bad map":      {ID: "x", ARN: fnARN, InputTransformer: &events.InputTransformer{InputTemplate: `1`, InputPathsMap: map[string]string{"a": "b"}}},
		"many retries": {ID: "x", ARN: fnARN, RetryPolicy: &events.RetryPolicy{MaximumRetryAttempts: &big}},
		"short age":    {ID: "x", ARN: fnARN, RetryPolicy: &events.RetryPolicy{MaximumEventAgeInSeconds: &small}},
	} {
		if err := b.PutTargets(t.Context(), bookings, "bookings", target); code(err) != "ValidationException" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	six := make([]events.Target, 6)
	for i := range six {
		six[i] = events.Target{ID: string(rune('a' + i)), ARN: fnARN}
	}
	if err := b.PutTargets(t.Context(), bookings, "bookings", six...); code(err) != "LimitExceededException" {
		t.Errorf("six targets: %v", err)
	}
	if r, err := b.Rule(bookings, "bookings"); err != nil || len(r.Targets) != 1 {
		t.Errorf("a refusal changed the rule: %+v %v", r, err)
	}
	for want, rules := range map[string][]events.Rule{
		"ValidationException": {
			{Pattern: `{"a":[1]}`},
			{Name: "a b", Pattern: `{"a":[1]}`},
			{Name: "r"},
			{Name: "r", Schedule: "rate(1 minutes)"},
			{Name: "r", Bus: bookings, Schedule: "rate(1 minute)"},
			{Name: "r", Pattern: `{"a":["` + strings.Repeat("x", 4096) + `"]}`},
		},
		"InvalidEventPatternException": {{Name: "r", Pattern: `{"a":1}`}},
		"ResourceNotFoundException":    {{Name: "r", Bus: "none", Pattern: `{"a":[1]}`}},
	} {
		for _, r := range rules {
			if _, err := b.PutRule(t.Context(), r); code(err) != want {
				t.Errorf("%+v: got %v, want %s", r, err, want)
			}
		}
	}
}

func TestReplaySendsArchivedEventsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	b.bookingRule()
	a, err := b.CreateArchive(ctx, events.Archive{
		Name: "shop", SourceARN: "arn:aws:events:us-east-1:000000000000:event-bus/" + bookings,
		Pattern: `{"detail": {"keep": [true]}}`, RetentionDays: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.put(`{"keep":true,"n":1}`)
	b.put(`{"keep":false}`)
	b.advance(time.Hour)
	id := b.put(`{"keep":true,"n":2}`)
	b.advance(time.Hour)
	before := len(b.calls())
	b.close()
	b.open() // archives are durable
	replay, err := b.StartReplay(ctx, events.Replay{
		Name: "again", ArchiveARN: a.ARN, Destination: a.SourceARN, From: start.Add(time.Minute), To: start.Add(2 * time.Hour),
	})
	if err != nil || replay.State != "COMPLETED" {
		t.Fatal(replay, err)
	}
	got := b.calls()[before:]
	if len(got) != 1 {
		t.Fatalf("%d replayed, want the one in the time asked for", len(got))
	}
	if m := fields(t, got[0].payload); m["id"] != id || m["replay-name"] != "again" || m["time"] != "2026-11-24T10:30:15Z" {
		t.Errorf("replayed %v", m)
	}
	if _, size, err := b.Archive(ctx, "shop"); err != nil || size.Events != 2 {
		t.Errorf("archive holds %+v (%v), want the two events and no replayed one", size, err)
	}
	b.advance(10*24*time.Hour - 90*time.Minute)
	b.put(`{"keep":true,"n":3}`)
	if _, size, err := b.Archive(ctx, "shop"); err != nil || size.Events != 2 {
		t.Errorf("archive holds %+v (%v), want the first event gone after ten days", size, err)
	}
	if _, err := b.StartReplay(ctx, replay); code(err) != "ResourceAlreadyExistsException" {
		t.Errorf("same replay again: %v", err)
	}
}

func TestTransformerIsRefusedAsAWSDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bookingRule()
	for want, x := range map[string]events.InputTransformer{
		"1 validation error detected: Value 'aws.x' at 'targets.1.member.inputTransformer.inputPathsMap.key' failed to satisfy constraint: " +
			`Member must satisfy regular expression pattern: [A-Za-z0-9\_\-]+`: {InputPathsMap: map[string]string{"aws.x": "$.id"}, InputTemplate: `"a"`},
		"InputPathsMap for target x contains reserved key AWSid: keys can't begin with AWS.":         {InputPathsMap: map[string]string{"AWSid": "$.id"}, InputTemplate: `"a"`},
		"InputTemplate for target x contains placeholder <id>, which InputPathsMap does not have.":   {InputTemplate: `"<id>"`},
		`Invalid InputTemplate for target x : [Source: (String)"booking <id>"; line: 1, column: 1].`: {InputPathsMap: map[string]string{"id": "$.id"}, InputTemplate: `booking <id>`},
		`Invalid InputTemplate for target x : [Source: (String)"{"id": <id>"; line: 1, column: 9].`:  {InputPathsMap: map[string]string{"id": "$.id"}, InputTemplate: `{"id": <id>`},
		`Invalid InputTemplate for target x : [Source: (String)"{"id": <id}"; line: 1, column: 8].`:  {InputPathsMap: map[string]string{"id": "$.id"}, InputTemplate: `{"id": <id}`},
		`Invalid InputTemplate for target x : [Source: (String)"{<id>: 1}"; line: 1, column: 2].`:    {InputPathsMap: map[string]string{"id": "$.id"}, InputTemplate: `{<id>: 1}`},
	} {
		err := b.PutTargets(t.Context(), bookings, "bookings", events.Target{ID: "x", ARN: fnARN, InputTransformer: &x})
		if err == nil || err.Error() != "ValidationException: "+want {
			t.Errorf("%s:\ngot  %v\nwant %s", x.InputTemplate, err, want)
		}
	}
}
