package workflow

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

// bookingFields are what a booking needs before it can be confirmed.
var bookingFields = []string{"customer_id", "service_type", "location"}

// bookingValidate tells what a booking lacks. That is no failure: the next step asks a person for it.
func bookingValidate(_ context.Context, in ActionInput) (ActionResult, error) {
	missing := []string{}
	for _, name := range bookingFields {
		if !present(in.value(name)) {
			missing = append(missing, name)
		}
	}
	return ActionResult{Output: map[string]any{"complete": len(missing) == 0, "missing": missing}}, nil
}

// bookingConfirm makes what a person filled in part of the booking, confirms it and tells the world.
func bookingConfirm(ctx context.Context, in ActionInput) (ActionResult, error) {
	details := map[string]json.RawMessage{}
	_ = json.Unmarshal(in.Params["details"], &details) // nobody was asked: nothing to add
	out := map[string]any{"confirmed_at": in.Now.Format(time.RFC3339)}
	s, err := in.subject(ctx, "booking")
	if err != nil || s == nil {
		return ActionResult{Output: out}, err
	}
	fields := maps.Clone(details)
	fields["status"] = json.RawMessage(`"confirmed"`)
	for name, v := range fields {
		s.Set(name, v, in.Now)
	}
	if err := in.set(s, "confirmed_at", in.Now); err != nil {
		return ActionResult{}, err
	}
	e, err := event(ops.BookingConfirmed, map[string]any{"booking_id": s.ID, "confirmed_at": in.Now.Format(time.RFC3339)})
	if err != nil {
		return ActionResult{}, err
	}
	return ActionResult{Output: out, Writes: []ops.Record{s}, Emit: []ops.OutEvent{e}}, nil
}

// bookingComplete notes on the booking that it is ready for its service.
func bookingComplete(ctx context.Context, in ActionInput) (ActionResult, error) {
	out := map[string]any{"ready_at": in.Now.Format(time.RFC3339)}
	s, err := in.subject(ctx, "booking")
	if err != nil || s == nil {
		return ActionResult{Output: out}, err
	}
	if err := in.set(s, "ready_at", in.Now); err != nil {
		return ActionResult{}, err
	}
	return ActionResult{Output: out, Writes: []ops.Record{s}}, nil
}

// assignTeam gives the work to the member of the step's team, or of the instance's own, who has the skill that it asks for and
// the least open work; where nobody has it, to the least busy of all; without members, to the team. The parameter skill is the
// service type when it is not given.
func assignTeam(ctx context.Context, in ActionInput) (ActionResult, error) {
	team := in.Step.Role
	if team == "" {
		team = in.Instance.Team
	}
	skill := text(in.Params["skill"])
	if skill == "" {
		skill = in.text("service_type")
	}
	to, skilled, err := task.LeastBusy(ctx, in.Store, team, skill, in.Instance.ID)
	if err != nil {
		return ActionResult{}, &Unavailable{Err: err}
	}
	if to == "" {
		return ActionResult{Output: map[string]any{"assigned_to": team, "team": team}, AssignTo: string(team)}, nil
	}
	out := map[string]any{"assigned_to": to, "team": team}
	if skilled {
		out["skill"] = skill
	}
	return ActionResult{Output: out, AssignTo: to}, nil
}
