package rule_test

import (
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func TestWhatIsOddAboutARuleIsPointedOut(t *testing.T) {
	t.Parallel()
	const alerting = `"actions": [{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "x"}]`
	payment := func(condition string) string {
		return `{"name": "r", "event": "payment_received", "condition": ` + condition + `, ` + alerting + `}`
	}
	both := func(a, b string) string { return payment(`{"all": [` + a + `, ` + b + `]}`) }
	const never = "the rule never matches: "
	for _, c := range []struct {
		name, rule, other string
		want              []string
	}{
		{"nothing", both(`{"path": "detail.amount", "op": "gte", "value": 5}`, `{"path": "detail.amount", "op": "lte", "value": 5}`), "", []string{}},
		{"unknown field", payment(`{"path": "detail.amout", "op": "gt", "value": 5}`), "", []string{
			"$.condition.path payment_received has no amout by its schema; did you mean amount?",
		}},
		{"unknown field, nothing like it", payment(`{"any": [{"path": "detail.amount", "op": "gt", "value": "$.detail.zzzzzz"}]}`), "", []string{
			"$.condition.any[0].value payment_received has no zzzzzz by its schema",
		}},
		{"unknown nested field", `{"name": "r", "event": "booking_created", "condition": {"not": {"path": "detail.location.aera", "op": "exists"}}, ` + alerting + `}`, "", []string{
			"$.condition.not.path booking_created.location has no aera by its schema; did you mean area?",
		}},
		{"unknown member of events", payment(`{"path": "event.sorce", "op": "exists"}`), "", []string{
			"$.condition.path an event has no sorce; did you mean source?",
		}},
		{"unknown field of the subject", payment(`{"all": [{"path": "subject.stats", "op": "exists"}, {"path": "subject.recorded_at", "op": "exists"}]}`), "", []string{
			"$.condition.all[0].path nothing gives a payment a field stats; did you mean status?",
		}},
		{"field that another event gives the subject", `{"name": "r", "event": "booking_confirmed", "condition": {"path": "subject.service_value", "op": "gt", "value": 5}, ` + alerting + `}`, "", []string{}},
		{"subjects of any type", `{"name": "r", "event": "sla_violation", "condition": {"path": "subject.vip", "op": "exists"}, ` + alerting + `}`, "", []string{}},
		{"related records", `{"name": "r", "event": "service_completed", "condition": {"all": [{"path": "vendor.ratng", "op": "lt", "value": 3}, {"path": "booking.service_value", "op": "gt", "value": "$.payment.amount"}]}, ` + alerting + `}`, "", []string{
			"$.condition.all[0].path nothing gives a vendor a field ratng; did you mean rating?",
			"$.condition.all[1].value service_completed leads to no payment, so there is never a value",
		}},
		{"times as texts", `{"name": "r", "event": "service_completed", "condition": {"path": "detail.completed_at", "op": "lte", "value": "$.detail.promised_at"}, ` + alerting + `}`, "", []string{
			"$.condition.op detail.completed_at is a time, which lte compares as a text; did you mean before or after?",
		}},
		{"names in what an action takes", `{"name": "r", "event": "payment_received", "actions": [
			{"type": "start_workflow", "template": "quality_assurance", "input": {"a": {"b": ["$.detail.paymnt_id"]}}, "once_per": "$.detail.bookin_id"},
			{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "$.detail.nope"}]}`, "", []string{
			"$.actions[0].once_per payment_received has no bookin_id by its schema; did you mean booking_id?",
			"$.actions[0].input.a.b[0] payment_received has no paymnt_id by its schema; did you mean payment_id?",
			"$.actions[1].title payment_received has no nope by its schema",
		}},
		{"value out of the enumeration", payment(`{"path": "detail.status", "op": "eq", "value": "paid"}`), "", []string{
			"$.condition " + never + "detail.status must be one of pending, confirmed, failed",
		}},
		{"wrong kind", payment(`{"path": "detail.amount", "op": "gt", "value": "5"}`), "", []string{
			"$.condition " + never + "detail.amount must be a number of at least 0, in major units of the currency",
		}},
		{"below the least", payment(`{"path": "detail.amount", "op": "lt", "value": 0}`), "", []string{
			"$.condition " + never + "detail.amount must be a number of at least 0, in major units of the currency",
		}},
		{"the least itself", payment(`{"path": "detail.amount", "op": "lte", "value": 0}`), "", []string{}},
		{"never absent", payment(`{"path": "detail.payment_id", "op": "absent"}`), "", []string{
			"$.condition " + never + "detail.payment_id is never absent",
		}},
		{"ranges apart", both(`{"path": "detail.amount", "op": "gt", "value": 5}`, `{"path": "detail.amount", "op": "lte", "value": 5}`), "", []string{
			"$.condition.all[1] " + never + "detail.amount can't be both: see $.condition.all[0]",
		}},
		{"value and range", both(`{"path": "subject.amount", "op": "between", "value": [1, 2]}`, `{"path": "subject.amount", "op": "in", "value": [3, "1"]}`), "", []string{
			"$.condition.all[1] " + never + "subject.amount can't be both: see $.condition.all[0]",
		}},
		{"there and not", both(`{"path": "detail.method", "op": "exists"}`, `{"path": "detail.method", "op": "absent"}`), "", []string{
			"$.condition.all[1] " + never + "detail.method can't be both: see $.condition.all[0]",
		}},
		{"either", payment(`{"any": [{"path": "detail.status", "op": "eq", "value": "paid"}, {"path": "detail.amount", "op": "gt", "value": 5}]}`), "", []string{}},
		{"none of several ways", payment(`{"any": [{"path": "detail.status", "op": "eq", "value": "paid"}, {"path": "detail.amount", "op": "lt", "value": 0}]}`), "", []string{
			"$.condition.any " + never + "none of these can hold; of the first: detail.status must be one of pending, confirmed, failed",
		}},
		{"no way beside the rest", both(`{"path": "detail.amount", "op": "gt", "value": 5}`, `{"any": [{"path": "detail.amount", "op": "lt", "value": 5}, {"all": [{"path": "detail.amount", "op": "eq", "value": 5}]}]}`), "", []string{
			"$.condition.all[1].any " + never + "none of these can hold; of the first: detail.amount can't be both: see $.condition.all[0]",
		}},
		{"one way beside the rest", both(`{"path": "detail.amount", "op": "gt", "value": 5}`, `{"any": [{"path": "detail.amount", "op": "lt", "value": 5}, {"path": "detail.amount", "op": "eq", "value": 6}]}`), "", []string{}},
		{"message", `{"name": "r", "event": "payment_received", "actions": [{"type": "notify", "template": "refund_don", "to": {"team": "Finance"}}]}`, "", []string{
			`$.actions[0].template there is no message template "refund_don", so the message will be worded in general terms; did you mean refund_done?`,
		}},
		{"circle", `{"name": "r", "event": "payment_received", "actions": [{"type": "emit_event", "detail_type": "payment_received"}]}`, "", []string{
			"$.actions[0].detail_type the rule triggers itself; the chain ends at depth 8",
		}},
		{
			"conflict",
			`{"name": "r", "event": "booking_created", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`,
			`{"name": "other", "event": "booking_created", "condition": {"path": "detail.service_value", "op": "gt", "value": 5}, "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`,
			[]string{"$.actions[0] rule other does the same, and both can match one event: it is done twice then"},
		},
		{
			"conflict with a shadow",
			`{"name": "r", "event": "booking_created", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`,
			`{"name": "other", "event": "booking_created", "mode": "shadow", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`,
			[]string{"$.actions[0] rule other does the same, and both can match one event: it will be done twice once that one is active, too"},
		},
		{
			"conflict that can't be",
			`{"name": "r", "event": "booking_created", "condition": {"path": "detail.service_value", "op": "lt", "value": 5}, "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`,
			`{"name": "other", "event": "booking_created", "condition": {"path": "detail.service_value", "op": "gt", "value": 5}, "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`,
			[]string{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := decodeRule(t, c.rule)
			all := []*ops.Rule{r}
			if c.other != "" {
				all = append(all, decodeRule(t, c.other))
			}
			warnings, err := rule.Warnings(r, all)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, w := range warnings {
				got = append(got, w.Path+" "+w.Message)
			}
			wantEqual(t, "warnings", got, c.want)
		})
	}
}

func TestNothingIsOddAboutTheBuiltinRules(t *testing.T) {
	t.Parallel()
	all, err := rule.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if warnings, err := rule.Warnings(r, all); err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, %v", r.ID, warnings, err)
		}
	}
}

func decodeRule(t *testing.T, text string) *ops.Rule {
	t.Helper()
	r, unread, _ := ops.DecodeRule([]byte(text))
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	return r
}
