package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// remindBefore is how long before its service a customer is reminded of it.
const remindBefore = 24 * time.Hour

// serviceCheck tells what keeps a booking's service from being performed, and when to remind the customer of it. A problem
// is no failure: Operations see it on the task in which they follow the service.
func serviceCheck(ctx context.Context, in ActionInput) (ActionResult, error) {
	s, err := in.subject(ctx, ops.SubjectBooking)
	if err != nil {
		return ActionResult{}, err
	}
	problems := []string{}
	if s == nil {
		problems = append(problems, "no booking is named")
	}
	if text(in.known(s, "status")) != "confirmed" {
		problems = append(problems, "the booking is not confirmed")
	}
	if !ops.ValidID(text(in.known(s, "vendor_id"))) {
		problems = append(problems, "no vendor is assigned")
	}
	remindAt := in.Now
	at, err := time.Parse(time.RFC3339, text(in.known(s, "scheduled_for")))
	switch {
	case err != nil:
		problems = append(problems, "no time is set")
	case at.Add(-remindBefore).After(in.Now):
		remindAt = at.Add(-remindBefore)
	}
	return ActionResult{Output: map[string]any{
		"ready": len(problems) == 0, "problems": problems, "remind_at": remindAt.Format(time.RFC3339),
	}}, nil
}

// known gives what a subject's record says now; what the workflow was started with is older, but better than nothing.
func (in *ActionInput) known(s *ops.Subject, name string) json.RawMessage {
	if s != nil && present(s.Fields[name]) {
		return s.Fields[name]
	}
	return in.value(name)
}

// serviceComplete takes over how the service ended by what Operations filled in. For one that was performed it tells the
// world so, unless the booking system already did.
func serviceComplete(ctx context.Context, in ActionInput) (ActionResult, error) {
	var report struct {
		Performed   bool      `json:"performed"`
		CompletedAt time.Time `json:"completed_at"`
		Reason      string    `json:"reason"`
	}
	if err := json.Unmarshal(in.Params["report"], &report); err != nil {
		return ActionResult{}, fmt.Errorf("read the report on the service: %w", err)
	}
	s, err := in.subject(ctx, ops.SubjectBooking)
	if err != nil {
		return ActionResult{}, err
	}
	fields := map[string]any{"status": "not_performed", "not_performed_reason": report.Reason}
	out := map[string]any{"performed": report.Performed, "reason": report.Reason}
	if report.Performed {
		at := report.CompletedAt
		if at.IsZero() || at.After(in.Now) {
			at = in.Now // who reports it can't know of a later end
		}
		fields = map[string]any{"status": "completed", "completed_at": at}
		out = map[string]any{"performed": true, "completed_at": at.Format(time.RFC3339)}
	}
	if s == nil {
		return ActionResult{Output: out}, nil
	}
	_, told := s.Last[ops.ServiceCompleted]
	if told {
		delete(fields, "completed_at") // what the booking system said stands
	}
	for name, v := range fields {
		if err := in.set(s, name, v); err != nil {
			return ActionResult{}, err
		}
	}
	result := ActionResult{Output: out, Writes: []ops.Record{s}}
	vendor := text(in.known(s, "vendor_id"))
	if !report.Performed || told || !ops.ValidID(vendor) {
		return result, nil
	}
	detail := map[string]any{"booking_id": s.ID, "vendor_id": vendor, "completed_at": out["completed_at"]}
	for _, name := range []string{"service_type", "service_value"} {
		if v := in.known(s, name); present(v) {
			detail[name] = v
		}
	}
	e, err := event(ops.ServiceCompleted, detail)
	if err != nil {
		return ActionResult{}, err
	}
	result.Emit = []ops.OutEvent{e}
	return result, nil
}
