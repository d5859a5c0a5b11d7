package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

func TestEveryFaultOfATemplateIsToldWithItsPath(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tests := []struct {
		name, body string
		want       []string // paths
	}{
		{"not JSON", `{`, []string{"$"}},
		{
			"unknown fields and wrong types", `{"nam": 1, "priority": "high", "steps": [{"id": "a", "retries": 2, "due": "soon"}]}`,
			[]string{
				"$.nam", "$.priority", "$.steps[0].due", "$.steps[0].retries", "$.name", "$.type", "$.trigger", "$.team", "$.steps[0].name", "$.steps[0].kind",
			},
		},
		{
			"head", `{"name": "Bad Name", "type": "x", "trigger": "y", "team": "z", "priority": 11, "steps": []}`,
			[]string{"$.name", "$.type", "$.trigger", "$.team", "$.priority", "$.steps"},
		},
		{
			"steps", document(
				`{"id": "a", "name": "", "kind": "automated", "action": "no.such", "depends_on": ["ghost"]}`,
				`{"id": "a", "name": "B", "kind": "teleport"}`,
				`{"id": "c", "name": "C", "kind": "manual", "action": "assign.team", "form": {"type": 7}, "role": "Nobody", "quorum": 21}`,
				`{"id": "d", "name": "D", "kind": "decision", "choices": [{"when": {"path": "detail.x", "op": "eq", "value": 1}, "next": "ghost"}]}`,
				`{"id": "e", "name": "E", "kind": "delay"}`),
			[]string{
				"$.steps[0].name", "$.steps[0].depends_on[0]", "$.steps[0].action", "$.steps[1].id", "$.steps[1].kind", "$.steps[2].action",
				"$.steps[2].role", "$.steps[2].quorum", "$.steps[2].form", "$.steps[3].choices[0].next", "$.steps[3].choices[0].when.path",
				"$.steps[4].for",
			},
		},
		{
			"what can't be read beside what makes no sense", `{"name": "sample", "type": 7, "trigger": "manual", "team": "Operations", "schedule": "daily", "steps": [
				"first",
				{"id": "b", "name": "B", "kind": "delay", "for": "soon", "depends_on": ["ghost", 7], "Retry": {}},
				{"id": "c", "name": "C", "kind": "decision", "choices": [{"when": {"path": 1, "op": "exists"}, "next": "b"}, {"next": 5}]}]}`,
			[]string{
				"$.type", "$.schedule", "$.steps[0]", "$.steps[1].for", "$.steps[1].depends_on[0]", "$.steps[1].depends_on[1]", "$.steps[1].Retry",
				"$.steps[2].choices[0].when.path", "$.steps[2].choices[1].next",
			},
		},
		{
			"what leads nowhere", document(
				`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team", "when": {"any": [{"path": "steps.b.status", "op": "exists"}, {"path": "steps.zzz", "op": "exists"}]},
					"parameters": {"x": "$.foo", "y": ["$$.foo", {"z": "$.steps.a.output.w"}], "v": "$.context.any.thing", "u": "$."}}`,
				`{"id": "b", "name": "B", "kind": "delay", "depends_on": ["a"], "until": "$.steps.a.outptu.at"}`,
				`{"id": "c", "name": "C", "kind": "await_event", "depends_on": ["b"], "event": "payment_received", "key": "$.stpes.b.output.id"}`,
				`{"id": "d", "name": "D", "kind": "decision", "depends_on": ["c"], "choices": [
					{"when": {"path": "context.n", "op": "gt", "value": "$.steps.e.output.n"}, "next": "e"}, {"when": {"path": "steps.c.output.n", "op": "exists"}, "next": "e"}]}`,
				`{"id": "e", "name": "E", "kind": "manual"}`),
			[]string{
				"$.steps[0].when.any[0].path", "$.steps[0].when.any[1].path", "$.steps[0].parameters.x", "$.steps[0].parameters.y[1].z",
				"$.steps[0].parameters.u", "$.steps[1].until", "$.steps[2].key", "$.steps[3].choices[0].when.value",
			},
		},
		{
			"longer than an execution lives", document(
				`{"id": "a", "name": "A", "kind": "delay", "for": "1601bh"}`, `{"id": "b", "name": "B", "kind": "delay", "for": "8761h"}`,
				`{"id": "c", "name": "C", "kind": "manual", "due": "2000bh", "expires": "8761h"}`, `{"id": "d", "name": "D", "kind": "delay", "for": "1600bh"}`),
			[]string{"$.steps[0].for", "$.steps[1].for", "$.steps[2].due", "$.steps[2].expires"},
		},
		{
			"names of more than one line", document(
				`{"id": "a", "name": "One\nTwo", "kind": "manual"}`, `{"id": "b", "name": "\u0001", "kind": "manual"}`,
				`{"id": "c", "name": "One\u2028Two", "kind": "manual"}`, `{"id": "d", "name": "\u0639\u200c\u0645 👩‍💻", "kind": "manual"}`),
			[]string{"$.steps[0].name", "$.steps[1].name", "$.steps[2].name"},
		},
		{
			"a cycle and what waits for it", document(
				`{"id": "a", "name": "A", "kind": "manual", "depends_on": ["b"]}`,
				`{"id": "b", "name": "B", "kind": "manual", "depends_on": ["a"]}`,
				`{"id": "c", "name": "C", "kind": "manual", "depends_on": ["b"]}`),
			[]string{"$.steps", "$.steps[2]"},
		},
		{
			"a call", document(
				`{"id": "a", "name": "A", "kind": "api_call", "action": "payment.validate"}`,
				`{"id": "b", "name": "B", "kind": "api_call", "action": {"connection": "X", "method": "FETCH", "path": "https://x.example/", "query": {"q": []}}}`,
				`{"id": "c", "name": "C", "kind": "api_call", "action": {"connection": "x", "method": "GET", "path": "/a/{id}/../b", "body": {}}}`,
				`{"id": "d", "name": "D", "kind": "api_call", "due": "1h", "action": {"connection": "x", "method": "GET", "path": "/", "url": "https://x.example"}}`),
			[]string{
				"$.steps[0].action", "$.steps[1].action.connection", "$.steps[1].action.method", "$.steps[1].action.path", "$.steps[1].action.query.q",
				"$.steps[2].action.path", "$.steps[2].action.path", "$.steps[2].action.body", "$.steps[3].due", "$.steps[3].action.url",
			},
		},
		{
			"a wait for an event", document(
				`{"id": "a", "name": "A", "kind": "await_event", "event": "rain", "key": "no id", "on_timeout": "skip", "lookback": "2161h"}`,
				`{"id": "b", "name": "B", "kind": "await_event", "event": "payment_received", "key": "pay-1", "timeout": "8761h", "on_timeout": "compensate"}`,
				`{"id": "c", "name": "C", "kind": "manual", "event": "payment_received", "key": "pay-1", "timeout": "1h", "on_timeout": "fail", "lookback": "1h"}`),
			[]string{
				"$.steps[0].event", "$.steps[0].key", "$.steps[0].on_timeout", "$.steps[0].lookback", "$.steps[1].timeout",
				"$.steps[1].on_timeout", "$.steps[2].event", "$.steps[2].key", "$.steps[2].timeout", "$.steps[2].on_timeout", "$.steps[2].lookback",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := b.CreateTemplate(t.Context(), []byte(tt.body), admin)
			invalid, ok := errors.AsType[*ops.Error](err)
			if !ok || invalid.Code != ops.CodeInvalid {
				t.Fatalf("the error is %v", err)
			}
			var got []string
			for _, f := range invalid.Faults {
				got = append(got, f.Path)
			}
			for _, w := range tt.want {
				if !slices.Contains(got, w) {
					t.Errorf("no fault at %s: %v", w, err)
				}
			}
			if len(got) != len(tt.want) {
				t.Errorf("faults at %q, want %q", got, tt.want)
			}
		})
	}
	if all, err := b.store.Templates(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%d templates were stored, %v", len(all), err)
	}
}

func TestVersionsAreCountedAndOnlyPublishedOnesStart(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	body := strings.Replace(document(oneTask), "sample", "payment_processing", 1)
	tpl, err := b.CreateTemplate(t.Context(), []byte(body), admin)
	if err != nil || tpl.Version != 2 {
		t.Fatalf("version %d beside the built-in one, %v", tpl.Version, err)
	}
	plan := func(version int) (*ops.Instance, error) {
		return b.Plan(t.Context(), ops.StartRequest{Template: "payment_processing", Version: version})
	}
	if i, err := plan(0); err != nil || i.TemplateVersion != 1 {
		t.Errorf("before it is published: %+v, %v", i, err)
	}
	if _, err := plan(2); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("starting an unpublished version: %v", err)
	}
	if _, err := b.Publish(t.Context(), tpl.Name, 2, admin, true); err != nil {
		t.Fatal(err)
	}
	if i, err := plan(0); err != nil || i.TemplateVersion != 2 || i.StateMachine != machinePrefix+"payment_processing-v2" {
		t.Errorf("after: %+v, %v", i, err)
	}
	if _, err := b.GetTemplate(t.Context(), "nothing", 0); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("an unknown template: %v", err)
	}
}

// unlisted is a store of which nobody may ask for all templates.
type unlisted struct {
	workflow.Store
	t *testing.T
}

func (u unlisted) Templates(context.Context) ([]*ops.Template, error) {
	u.t.Error("all stored versions of all templates are read")
	return nil, nil
}

func TestAStartByNameReadsOnlyTheVersionThatStarts(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for range 3 {
		b.publish(t, document(oneTask))
	}
	b.Store = unlisted{b.Store, t}
	for template, version := range map[string]int{"sample": 3, "payment_processing": 1} {
		i, err := b.Plan(t.Context(), ops.StartRequest{Template: template})
		exists, existsErr := b.TemplateExists(t.Context(), template)
		if err != nil || i.TemplateVersion != version || existsErr != nil || !exists {
			t.Errorf("%s: got %+v, %v; it exists %v, %v", template, i, err, exists, existsErr)
		}
	}
	if exists, err := b.TemplateExists(t.Context(), "nothing"); exists || err != nil {
		t.Errorf("a template that is not there exists: %v, %v", exists, err)
	}
}

func TestTheNewestVersionStartsWhateverTheOrderOfPublishing(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const versions = 6
	for range versions {
		if _, err := b.CreateTemplate(t.Context(), []byte(document(oneTask)), admin); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Plan(t.Context(), ops.StartRequest{Template: "sample"}); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("before any is published: %v", err)
	}
	var publishing sync.WaitGroup
	for version := range versions - 1 {
		publishing.Go(func() {
			if _, err := b.Publish(t.Context(), "sample", version+2, admin, true); err != nil {
				t.Error(err)
			}
		})
	}
	publishing.Wait()
	if _, err := b.Publish(t.Context(), "sample", 1, admin, true); err != nil {
		t.Fatal(err)
	}
	if i, err := b.Plan(t.Context(), ops.StartRequest{Template: "sample"}); err != nil || i.TemplateVersion != versions {
		t.Errorf("version %d starts, %v", i.TemplateVersion, err)
	}
}

func TestAContextThatTheTableCannotKeepIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for name, c := range map[string]struct{ value, path string }{
		"too deep":    {strings.Repeat("[", 40) + strings.Repeat("]", 40), "$.context.x" + strings.Repeat("[0]", 24)},
		"no name":     {`{"": 1}`, "$.context.x"},
		"many digits": {strings.Repeat("1", 40), "$.context.x"},
	} {
		_, err := b.Start(t.Context(), ops.StartRequest{
			Template: "customer_follow_up", Context: map[string]json.RawMessage{"x": json.RawMessage(c.value)},
		}, ops.Actor{ID: "starter"})
		invalid, ok := errors.AsType[*ops.Error](err)
		if !ok || invalid.Code != ops.CodeInvalid || len(invalid.Faults) != 1 || invalid.Faults[0].Path != c.path {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
