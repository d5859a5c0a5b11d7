package local_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

// caused lists what rules brought about for a subject: the workflows and alerts by the rule that asked for them, and the
// messages by their template and the addresses that they reached.
func (s *system) caused(subject string) []string {
	s.t.Helper()
	var all []string
	about := "subject=" + url.QueryEscape(subject)
	for _, w := range s.all("/v1/workflows?" + about) {
		var i ops.Instance
		s.get("/v1/workflows/"+fmt.Sprint(w["id"]), &i)
		all = append(all, i.TriggeredBy.RuleID+" starts "+i.Template)
	}
	for _, a := range s.all("/v1/alerts?" + about) {
		var alert ops.Alert
		s.get("/v1/alerts/"+fmt.Sprint(a["id"]), &alert)
		if alert.Cause.RuleID != "" {
			all = append(all, fmt.Sprintf("%s raises %s %s x%d", alert.Cause.RuleID, alert.Severity, alert.Type, alert.Count))
		}
	}
	for _, n := range s.all("/v1/notifications?" + about) {
		var message ops.Notification
		s.get("/v1/notifications/"+fmt.Sprint(n["id"]), &message)
		for _, way := range message.Deliveries {
			if way.Channel == "email" {
				all = append(all, fmt.Sprintf("%s %s to %s", message.Template, way.Status, way.To))
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestSixBuiltInRulesFireUnderTheirConditionAndDoWhatTheySay(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.staff(ops.Finance, "fay")
	without := func(b object, field string) object {
		delete(b, field)
		return b
	}
	with := func(b object, field string, v any) object {
		b[field] = v
		return b
	}
	service := func(id string, value float64) object {
		return object{"booking_id": id, "vendor_id": "vendor-sparkle", "completed_at": "2026-11-24T08:59:00Z", "service_value": value}
	}
	customer := object{"name": "Mona", "email": "mona@customer.example"}
	for _, c := range []struct {
		event   string
		detail  object
		decided map[string]string // by rule, for those of this event
	}{
		{"booking_created", with(booking("bk-whole"), "customer", customer), map[string]string{"process-booking": "matched", "assign-vendor": "matched"}},
		{"booking_created", without(booking("bk-what"), "service_type"), map[string]string{"process-booking": "matched", "assign-vendor": "not_matched"}},
		{"booking_created", without(booking("bk-where"), "location"), map[string]string{"process-booking": "matched", "assign-vendor": "not_matched"}},
		{"service_completed", service("bk-whole", 100.01), map[string]string{"quality-check": "matched", "satisfaction-survey": "matched"}},
		{"service_completed", service("bk-cheap", 100), map[string]string{"quality-check": "not_matched", "satisfaction-survey": "matched"}},
		{"payment_received", payment("pay-late"), map[string]string{"process-payment": "matched", "payment-sla": "matched"}},
		{"payment_received", with(payment("pay-late"), "status", "pending"), map[string]string{"process-payment": "suppressed", "payment-sla": "suppressed"}}, // the same
		{"payment_received", payment("pay-approved"), map[string]string{"process-payment": "matched", "payment-sla": "matched"}},
		{"payment_received", with(payment("pay-confirmed"), "status", "confirmed"), map[string]string{"process-payment": "not_matched", "payment-sla": "matched"}},
	} {
		e := s.event(s.put(c.event, c.detail))
		decided := map[string]string{}
		for _, d := range e.Decisions {
			decided[d.Rule] = d.Outcome
		}
		if !maps.Equal(decided, c.decided) {
			t.Errorf("of %s %v is decided %v, want %v", c.event, c.detail, decided, c.decided)
		}
	}
	s.approve(s.awaitsApproval("pay-approved"), http.StatusOK)

	want := map[string][]string{
		"booking/bk-whole":      {"assign-vendor starts vendor_assignment", "process-booking starts booking_processing", "quality-check starts quality_assurance"},
		"booking/bk-what":       {"process-booking starts booking_processing"},
		"booking/bk-where":      {"process-booking starts booking_processing"},
		"booking/bk-cheap":      nil,
		"payment/pay-late":      {"process-payment starts payment_processing"},
		"payment/pay-approved":  {"process-payment starts payment_processing"},
		"payment/pay-confirmed": nil,
	}
	check := func(when string) {
		t.Helper()
		for subject, all := range want {
			slices.Sort(all)
			if got := s.caused(subject); !slices.Equal(got, all) {
				t.Errorf("%s rules brought about %q for %s, want %q", when, got, subject, all)
			}
		}
	}
	check("at first")
	s.advance("1h58m")
	check("before two hours are over")
	s.advance("4m")
	want["booking/bk-whole"] = append(want["booking/bk-whole"], "satisfaction-survey starts customer_follow_up", "survey_request sent to mona@customer.example")
	want["booking/bk-cheap"] = append(want["booking/bk-cheap"], "satisfaction-survey starts customer_follow_up")
	check("after two hours")
	s.advance("21h56m")
	sla := func(subject string) []string {
		return slices.DeleteFunc(s.caused(subject), func(said string) bool {
			return !strings.HasPrefix(said, "payment-sla") && !strings.HasPrefix(said, "payment_overdue")
		})
	}
	for _, subject := range []string{"payment/pay-late", "payment/pay-approved", "payment/pay-confirmed"} {
		if got := sla(subject); len(got) > 0 {
			t.Errorf("before 24 hours are over payment-sla brought about %q for %s", got, subject)
		}
	}
	s.advance("4m")
	late := []string{"payment-sla raises high sla_violation x1", "payment_overdue sent to fay@opsflow.example"}
	if got := sla("payment/pay-late"); !slices.Equal(got, late) {
		t.Errorf("after 24 hours payment-sla brought about %q, want %q", got, late)
	}
	for _, subject := range []string{"payment/pay-approved", "payment/pay-confirmed"} {
		if got := sla(subject); len(got) > 0 {
			t.Errorf("after 24 hours payment-sla brought about %q for %s, which is confirmed", got, subject)
		}
	}
}

// staff makes people the members of a team, each with an e-mail address.
func (s *system) staff(team ops.Team, people ...string) {
	s.t.Helper()
	for _, p := range people {
		s.ask(http.MethodPut, "/v1/members/"+p, s.token, object{"name": p, "teams": []ops.Team{team}, "active": true, "email": p + "@opsflow.example"}, http.StatusOK, nil)
	}
}
