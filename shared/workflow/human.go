package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

// human opens the task of a step, or takes up what was decided.
func (r *run) human(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	id := ops.TaskID(r.i.ID, s.ID, rec.Loop)
	t, err := r.earlier(ctx, rec, id)
	if err != nil {
		return err
	}
	changed := false
	switch {
	case t == nil:
		doc, err := r.doc(ctx)
		if err != nil {
			return err
		}
		t, changed = r.newTask(s, id, rec.Loop, r.given(s.Step, doc)), true
		if err := r.route(ctx, s, t); err != nil {
			return err
		}
	case t.Status == ops.TaskCancelled: // by the end of an earlier attempt
		changed, t.EditedBy = true, r.i.EditedBy
		if err := r.route(ctx, s, t); err != nil {
			return err
		}
	case t.Status.Decided():
		return r.takeUp(ctx, s, rec, t)
	}
	r.open(rec, t, changed, "task_opened", map[string]any{"task": id, "team": t.Team, "assignee": t.Assignee})
	return nil
}

// earlier gives the task of a step if it was opened before, or in an earlier attempt; else nil.
func (r *run) earlier(ctx context.Context, rec *ops.StepRecord, id string) (*ops.Task, error) {
	if rec.TaskID == "" && r.i.Attempt == 1 {
		return nil, nil
	}
	t, err := r.task(ctx, id)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the task of step %s: %w", rec.ID, err)
	}
	return t, nil
}

// open has a step wait for its task, which is stored if it was changed.
func (r *run) open(rec *ops.StepRecord, t *ops.Task, changed bool, what string, detail map[string]any) {
	if rec.TaskID == "" || changed {
		rec.TaskID = t.ID
		rec.Tries++
		r.log(what, rec.ID, "", detail)
	}
	if changed {
		t.UpdatedAt = r.Clock.Now()
		r.stage(t)
		return
	}
	r.seen = append(r.seen, t.ID)
}

// task gives a task as this run left it. CodeNotFound.
func (r *run) task(ctx context.Context, id string) (*ops.Task, error) {
	if t, ok := r.staged[ops.Ref{Kind: ops.KindTask, ID: id}].(*ops.Task); ok {
		return t, nil
	}
	return r.Store.Task(ctx, id)
}

func (r *run) newTask(s *planned, id string, loop int, shown map[string]json.RawMessage) *ops.Task {
	team := s.Role
	if team == "" {
		team = r.plan.template.Team
	}
	return &ops.Task{
		Meta: ops.Meta{CreatedAt: r.Clock.Now()}, ID: id, InstanceID: r.i.ID, Step: s.ID, Loop: loop, Kind: s.Kind, Title: title(s, shown),
		Form: s.Form, Outcomes: task.Outcomes(s.Step), Team: team, Quorum: s.Quorum, RejectQuorum: s.RejectQuorum, Subject: r.i.Subject,
		Secrets: secretsOf(r.i, s.ID), StartedBy: r.i.TriggeredBy.User, EditedBy: r.i.EditedBy, Priority: r.i.Priority, OnExpire: s.OnExpire.Do, Status: ops.TaskOpen,
	}
}

// maxExactTries is after how many races for the least busy member a task goes to one who may have got others meanwhile.
const maxExactTries = 5

// route gives a task that is opened now to somebody, and sets its times.
func (r *run) route(ctx context.Context, s *planned, t *ops.Task) error {
	var alongside []*ops.Task
	for _, rec := range r.staged {
		if other, ok := rec.(*ops.Task); ok {
			alongside = append(alongside, other)
		}
	}
	exact := r.again < maxExactTries
	var err error
	if s.Assign == ops.RoundRobin {
		err = r.inTurn(ctx, t, exact)
	} else {
		err = task.Assign(ctx, r.Store, t, exact, alongside...)
	}
	if err != nil {
		return &Unavailable{Err: err}
	}
	t.Decisions, t.Reminders, t.Escalated = nil, 0, false
	if t.DueAt = r.due(s); !t.DueAt.IsZero() {
		t.SetTimer(ops.TimerRemind, t.DueAt)
	}
	if !s.Expires.IsZero() {
		t.LapsesAt = r.Calendar.Deadline(r.Clock.Now(), s.Expires)
		t.SetTimer(ops.TimerExpire, t.LapsesAt)
	}
	return nil
}

// inTurn gives a task to whose turn it is in its team.
func (r *run) inTurn(ctx context.Context, t *ops.Task, exact bool) error {
	var given int64
	if turn, ok := r.staged[(&ops.Counter{ID: task.TurnID(t.Team)}).Ref()].(*ops.Counter); ok {
		given = turn.Add
	}
	turn, err := task.AssignInTurn(ctx, r.Store, t, exact, given)
	if turn != nil {
		r.stage(turn)
	}
	return err
}

// title is the step's title or name, with what its parameters say that there is to know: `Complete the details: location`.
func title(s *planned, shown map[string]json.RawMessage) string {
	t := cmp.Or(s.Title, s.Name)
	for _, name := range sortedKeys(shown) {
		list := []json.RawMessage{shown[name]}
		_ = json.Unmarshal(shown[name], &list) // no list: the one value
		between := ": "
		for _, v := range list {
			if word := shownValue(v); word != "" {
				t += between + word
				between = ", "
			}
		}
	}
	return t
}

// shownValue is a text or a number as people read it; "" for anything else.
func shownValue(v json.RawMessage) string {
	var number json.Number
	if one := text(v); one != "" || json.Unmarshal(v, &number) != nil {
		return one
	}
	return number.String()
}

// takeUp makes a task's decision the step's outcome.
func (r *run) takeUp(ctx context.Context, s *planned, rec *ops.StepRecord, t *ops.Task) error {
	said := map[string]any{
		"outcome": t.Outcome, "form": rawOrEmpty(t.Answers), "comment": t.Comment, "decided_by": t.DecidedBy, "decided_at": t.DecidedAt,
	}
	if t.Quorum > 1 {
		said["decisions"] = t.Decisions
	}
	rec.TaskID = t.ID
	r.delivered(t)
	output, err := encode(said, maxSaid)
	if err != nil {
		return fmt.Errorf("keep the decision of task %s: %w", t.ID, err)
	}
	rec.Output = output
	r.log("task_decided", s.ID, t.DecidedBy, map[string]any{"task": t.ID, "outcome": t.Outcome, "comment": t.Comment})
	if !t.Accepts(t.Outcome) {
		if t.Outcome == ops.OutcomeRejected && s.Rework != nil && rec.SentBack < s.Rework.Times {
			return r.sendBack(ctx, s, rec)
		}
		way := s.OnReject
		msg := "refused by " + t.DecidedBy
		if t.Comment != "" {
			msg += ": " + t.Comment
		}
		if t.Status == ops.TaskExpired {
			msg = "nobody decided in time"
		}
		if t.Outcome != ops.OutcomeRejected {
			way = ops.ErrorWay{Next: s.OnExpire.Next} // or else it fails
		}
		return r.fail(ctx, s, rec, way, ops.StepError{Code: string(t.Status), Message: msg})
	}
	r.finish(rec)
	return nil
}

// delivered ends the watch over a decision's delivery, with the write of what becomes of it.
func (r *run) delivered(t *ops.Task) {
	if _, ok := t.Timers[ops.TimerDeliver]; ok {
		t.ClearTimer(ops.TimerDeliver)
		t.UpdatedAt = r.Clock.Now()
		r.stage(t)
	}
}

func rawOrEmpty(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("{}")
	}
	return b
}
