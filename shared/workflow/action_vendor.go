package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// vendorApply keeps the applicant as a vendor who gets no offers yet.
func vendorApply(ctx context.Context, in ActionInput) (ActionResult, error) {
	id := in.id("vendor")
	if id == "" {
		id = ops.HashID("vnd-", in.Instance.ID) // the same however often the step is tried
	}
	if !ops.ValidID(id) {
		return ActionResult{}, fmt.Errorf("vendor_id %q is no id", id)
	}
	v, err := readVendor(ctx, in.Store, id)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound:
		v = &ops.Vendor{Meta: ops.Meta{CreatedAt: in.Now}, ID: id, Name: id, PriceLevel: 1}
	case err != nil:
		return ActionResult{}, err
	}
	application, err := json.Marshal(in.Instance.Context)
	if err != nil {
		return ActionResult{}, fmt.Errorf("read the application: %w", err)
	}
	var asked struct {
		Name          *string  `json:"name"`
		Email         *string  `json:"email"`
		Phone         *string  `json:"phone"`
		Categories    []string `json:"categories"`
		Areas         []string `json:"areas"`
		Skills        []string `json:"skills"`
		DailyCapacity *int     `json:"daily_capacity"`
		PriceLevel    *float64 `json:"price_level"`
	}
	if err := json.Unmarshal(application, &asked); err != nil {
		return ActionResult{}, fmt.Errorf("read the application: %w", err)
	}
	var missing []string
	for name, given := range map[string]bool{
		"name": text(in.Instance.Context["name"]) != "", "categories": len(asked.Categories) > 0, "areas": len(asked.Areas) > 0,
	} {
		if !given {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && v.V == 0 { // who is known already may apply with what changes
		slices.Sort(missing)
		return ActionResult{}, fmt.Errorf("the application lacks %s", strings.Join(missing, ", "))
	}
	take(&v.Name, asked.Name)
	take(&v.Email, asked.Email)
	take(&v.Phone, asked.Phone)
	take(&v.DailyCapacity, asked.DailyCapacity)
	take(&v.PriceLevel, asked.PriceLevel)
	if asked.Categories != nil {
		v.Categories = asked.Categories
	}
	if asked.Areas != nil {
		v.Areas = asked.Areas
	}
	if asked.Skills != nil {
		v.Skills = asked.Skills
	}
	v.UpdatedAt = in.Now
	return ActionResult{Output: map[string]any{"vendor_id": id}, Writes: []ops.Record{v}}, nil
}

func take[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// vendorActivate lets the vendor have offers.
func vendorActivate(ctx context.Context, in ActionInput) (ActionResult, error) {
	id := in.text("vendor_id")
	v, err := readVendor(ctx, in.Store, id)
	if err != nil {
		return ActionResult{}, fmt.Errorf("activate vendor %s: %w", id, err)
	}
	v.Active, v.Verified, v.UpdatedAt = true, true, in.Now
	return ActionResult{Output: map[string]any{"vendor_id": id, "active": true}, Writes: []ops.Record{v}}, nil
}

// vendorCheck tells what the ranking has to go by. What is missing is no failure: the ranking then leaves that out.
func vendorCheck(_ context.Context, in ActionInput) (ActionResult, error) {
	missing := []string{}
	for _, name := range []string{"service_type", "location"} {
		if !present(in.value(name)) {
			missing = append(missing, name)
		}
	}
	return ActionResult{Output: map[string]any{"booking_id": in.id("booking"), "missing": missing}}, nil
}

// vendorUnavailable warns that no vendor takes the booking: Operations must find one.
func vendorUnavailable(ctx context.Context, in ActionInput) (ActionResult, error) {
	a, err := alert.Next(ctx, in.Store, alert.Spec{
		Type: ops.AlertVendorUnavailable, Severity: ops.SeverityHigh, Title: "No vendor takes booking " + in.id(ops.SubjectBooking),
		Detail: text(in.Params["reason"]), Subject: in.Instance.Subject, InstanceID: in.Instance.ID, Key: in.Instance.ID,
		Cause: cause(in.Instance),
	}, in.Now)
	if err != nil {
		return ActionResult{}, &Unavailable{Err: err}
	}
	return ActionResult{Output: map[string]any{"alert_id": a.ID}, Writes: []ops.Record{a}}, nil
}

// vendorAssign gives the booking to the vendor that a person chose, else to the best one, and tells the world.
func vendorAssign(ctx context.Context, in ActionInput) (ActionResult, error) {
	id, score := text(in.Params["chosen"]), json.RawMessage(nil)
	if id == "" {
		id, score = text(in.Params["vendor_id"]), in.Params["score"]
	}
	if !ops.ValidID(id) {
		return ActionResult{}, fmt.Errorf("vendor_id %q is no id", id)
	}
	out := ActionResult{Output: map[string]any{"vendor_id": id}}
	s, err := in.subject(ctx, "booking")
	if err != nil || s == nil {
		return out, err
	}
	if err := in.set(s, "vendor_id", id); err != nil {
		return ActionResult{}, err
	}
	// An accepted offer took its place of the day already. A person may choose a vendor beyond its capacity.
	day := ""
	if at, err := time.Parse(time.RFC3339, in.text("scheduled_for")); err == nil {
		day = vendor.Day(at)
	}
	taken, err := vendor.Take(ctx, in.Store, s.ID, id, day, 0)
	if err != nil {
		return ActionResult{}, &Unavailable{Err: err}
	}
	detail := map[string]any{"booking_id": s.ID, "vendor_id": id}
	if present(score) {
		detail["score"] = score
	}
	e, err := event(ops.VendorAssigned, detail)
	if err != nil {
		return ActionResult{}, err
	}
	out.Writes, out.Emit = slices.Concat(taken, []ops.Record{s}), []ops.OutEvent{e}
	return out, nil
}

// vendorRelease undoes an offer that was accepted, or an assignment: the vendor has its place of the day back. A booking that
// went to another vendor meanwhile stays there.
func vendorRelease(ctx context.Context, in ActionInput) (ActionResult, error) {
	var taken struct {
		VendorID string `json:"vendor_id"`
	}
	if rec := in.Instance.Step(in.Step.ID); len(rec.Output) > 0 {
		if err := json.Unmarshal(rec.Output, &taken); err != nil {
			return ActionResult{}, fmt.Errorf("read who has the booking: %w", err)
		}
	}
	booking := in.id(ops.SubjectBooking)
	if taken.VendorID == "" || booking == "" {
		return ActionResult{}, nil
	}
	given, err := vendor.Release(ctx, in.Store, booking, taken.VendorID)
	if err != nil {
		return ActionResult{}, &Unavailable{Err: err}
	}
	return ActionResult{Output: map[string]any{"vendor_id": taken.VendorID, "released": len(given) > 0}, Writes: given}, nil
}
