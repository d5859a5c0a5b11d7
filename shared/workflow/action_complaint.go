package workflow

import (
	"context"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// complaintTriage ranks a complaint by its severity (medium when it has none that we know). Who leads the teams sees a high
// or critical one at once: it gets an alert.
func complaintTriage(ctx context.Context, in ActionInput) (ActionResult, error) {
	severity := ops.Severity(in.text("severity"))
	if severity.Rank() == 0 {
		severity = ops.SeverityMedium
	}
	urgent := severity.Rank() >= ops.SeverityHigh.Rank()
	out := ActionResult{Output: map[string]any{
		"severity": severity, "urgent": urgent, "complaint_id": in.id("complaint"), "booking_id": in.id(ops.SubjectBooking),
	}}
	if !urgent {
		return out, nil
	}
	key := in.id("complaint")
	if key == "" {
		key = in.Instance.ID
	}
	subject := in.Instance.Subject
	if booking := in.id(ops.SubjectBooking); subject.IsZero() && ops.ValidID(booking) {
		subject = ops.SubjectRef{Type: ops.SubjectBooking, ID: booking}
	}
	a, err := alert.Next(ctx, in.Store, alert.Spec{
		Type: ops.AlertCustomerComplaint, Severity: severity, Title: "A customer complains", Detail: in.text("text"),
		Subject: subject, InstanceID: in.Instance.ID, Key: key, Cause: cause(in.Instance),
	}, in.Now)
	if err != nil {
		return ActionResult{}, &Unavailable{Err: err}
	}
	out.Writes = []ops.Record{a}
	return out, nil
}

// complaintResolve notes on the complaint what became of it. The customer gets a refund only if Finance approved it; its
// amount is then part of the output.
func complaintResolve(ctx context.Context, in ActionInput) (ActionResult, error) {
	finding := text(in.Params["finding"])
	resolution := "explained"
	fields := map[string]any{"status": "resolved", "finding": finding, "resolved_at": in.Now}
	out := map[string]any{"finding": finding, "resolved_at": in.Now.Format(time.RFC3339)}
	switch text(in.Params["refund_decision"]) {
	case "approved":
		resolution = "refunded"
		fields["refund_approved_by"] = text(in.Params["refund_decided_by"])
		for _, name := range []string{"refund_amount", "currency"} {
			if v := in.value(name); present(v) {
				fields[name], out[name] = v, v
			}
		}
	case "rejected":
		resolution = "refund_refused"
	}
	fields["resolution"], out["resolution"] = resolution, resolution
	result := ActionResult{Output: out}
	s, err := in.subject(ctx, "complaint")
	if err != nil || s == nil {
		return result, err
	}
	for name, v := range fields {
		if err := in.set(s, name, v); err != nil {
			return ActionResult{}, err
		}
	}
	result.Writes = []ops.Record{s}
	return result, nil
}
