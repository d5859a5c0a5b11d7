package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

func (a *api) taskRoutes() {
	handle(a, route{
		id: "list-tasks", method: http.MethodGet, path: "/v1/tasks", action: readTasks,
		summary: "List tasks: a team's or one's own open ones by urgency, else newest first",
	}, a.listTasks)
	handle(a, route{
		id: "get-task", method: http.MethodGet, path: "/v1/tasks/{id}", action: readTasks,
		summary: "Read a task",
	}, a.getTask)
	handle(a, route{
		id: "claim-task", method: http.MethodPost, path: "/v1/tasks/{id}/claim", record: a.taskVersion, action: workOnTasks,
		summary: "Take a task on",
		refuses: []ops.Code{ops.CodeGone},
	}, a.claimTask)
	handle(a, route{
		id: "release-task", method: http.MethodPost, path: "/v1/tasks/{id}/release", record: a.taskVersion, action: workOnTasks,
		summary: "Give a claimed task back to its team",
		refuses: []ops.Code{ops.CodeGone},
	}, a.releaseTask)
	handle(a, route{
		id: "complete-task", method: http.MethodPost, path: "/v1/tasks/{id}/complete", record: a.taskVersion, action: workOnTasks,
		summary: "Decide a task",
		refuses: []ops.Code{ops.CodeGone},
	}, a.completeTask)
	handle(a, route{
		id: "reject-task", method: http.MethodPost, path: "/v1/tasks/{id}/reject", record: a.taskVersion, action: workOnTasks,
		summary: "Refuse what a task asks for",
		refuses: []ops.Code{ops.CodeGone},
	}, a.rejectTask)
	handle(a, route{
		id: "delegate-task", method: http.MethodPost, path: "/v1/tasks/{id}/delegate", record: a.taskVersion, action: workOnTasks,
		summary: "Give a task to another member of its team",
		refuses: []ops.Code{ops.CodeGone},
	}, a.delegateTask)
}

// taskBody is what the API tells of a task: every field is named here, so that the token of ops.Task can't slip out.
type taskBody struct {
	ID           string             `json:"id"`
	InstanceID   string             `json:"instance" doc:"The workflow that waits for it."`
	Step         string             `json:"step"`
	Loop         int                `json:"loop,omitempty"`
	Kind         ops.StepKind       `json:"kind"`
	Title        string             `json:"title"`
	Form         json.RawMessage    `json:"form,omitempty" doc:"JSON Schema of what to fill in."`
	Outcomes     []string           `json:"outcomes" nullable:"false" doc:"What complete accepts."`
	Team         ops.Team           `json:"team"`
	Assignee     string             `json:"assignee,omitempty" doc:"Whose task it is: of an open one, who is expected to claim it; of a claimed one, who did."`
	Candidates   []string           `json:"candidates,omitempty"`
	Quorum       int                `json:"quorum,omitempty" doc:"How many people must decide alike; absent: one."`
	RejectQuorum int                `json:"reject_quorum,omitempty" doc:"How many must refuse for it to be refused; absent: one."`
	Decisions    []ops.TaskDecision `json:"decisions,omitempty" doc:"Who decided what, in order."`
	Subject      ops.SubjectRef     `json:"subject,omitzero"`
	StartedBy    string             `json:"started_by,omitempty"`
	EditedBy     []string           `json:"edited_by,omitempty" doc:"Who edited what the workflow works on: they may not decide an approval."`
	Priority     int                `json:"priority"`
	DueAt        time.Time          `json:"due_at,omitzero" doc:"When reminders begin."`
	LapsesAt     time.Time          `json:"lapses_at,omitzero" doc:"From when on it can't be decided."`
	OnExpire     ops.OnExpire       `json:"on_expire,omitempty" doc:"What happens then; absent: its workflow fails."`
	Escalated    bool               `json:"escalated,omitempty"`
	Reminders    int                `json:"reminders,omitempty" doc:"How many were sent."`
	Status       ops.TaskStatus     `json:"status"`
	Outcome      string             `json:"outcome,omitempty"`
	Answers      json.RawMessage    `json:"answers,omitempty" doc:"The filled-in form."`
	Comment      string             `json:"comment,omitempty"`
	DecidedBy    string             `json:"decided_by,omitempty"`
	DecidedAt    time.Time          `json:"decided_at,omitzero"`
	Offer        *ops.Offer         `json:"offer,omitempty" doc:"Which vendors were asked, and who is asked now."`
	Secrets      []string           `json:"secrets,omitempty" doc:"Paths of what is masked in the answers."`
	Version      int64              `json:"version"`
	CreatedAt    time.Time          `json:"created_at,omitzero"`
	UpdatedAt    time.Time          `json:"updated_at,omitzero"`
}

func taskView(t *ops.Task) taskBody {
	t = t.Masked()
	outcomes := t.Outcomes
	if outcomes == nil {
		outcomes = []string{}
	}
	return taskBody{
		ID: t.ID, InstanceID: t.InstanceID, Step: t.Step, Loop: t.Loop, Kind: t.Kind, Title: t.Title, Form: t.Form,
		Outcomes: outcomes, Team: t.Team, Assignee: t.Assignee, Candidates: t.Candidates, Quorum: t.Quorum,
		RejectQuorum: t.RejectQuorum, Decisions: t.Decisions, LapsesAt: t.LapsesAt, OnExpire: t.OnExpire,
		Escalated: t.Escalated, Reminders: t.Reminders,
		Subject: t.Subject, StartedBy: t.StartedBy, EditedBy: t.EditedBy, Priority: t.Priority, DueAt: t.DueAt, Status: t.Status,
		Outcome: t.Outcome, Answers: t.Answers, Comment: t.Comment, DecidedBy: t.DecidedBy, DecidedAt: t.DecidedAt,
		Offer: t.Offer, Secrets: t.Secrets, Version: t.V, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

// viewFor is what somebody sees of tasks.
func viewFor(actor ops.Actor) func(*ops.Task) taskBody {
	return func(t *ops.Task) taskBody { return taskView(SeenBy(actor, t)) }
}

// SeenBy is a task as somebody may see it: a vendor nothing of the others that were or will be asked.
func SeenBy(actor ops.Actor, t *ops.Task) *ops.Task {
	if actor.OnlyVendor() {
		own := *t
		if t.Offer != nil {
			offer := *t.Offer
			offer.Waiting = nil
			offer.Turns = slices.DeleteFunc(slices.Clone(offer.Turns), func(turn ops.Turn) bool { return turn.VendorID != actor.ID })
			own.Offer = &offer
			if t.Assignee != actor.ID {
				own.Assignee, own.DecidedBy, own.Outcome = "", "", ""
			}
		}
		return &own
	}
	return t
}

type taskStatus string

// Schema names the values.
func (taskStatus) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.TaskOpen, ops.TaskClaimed, ops.TaskCompleted, ops.TaskRejected, ops.TaskExpired, ops.TaskCancelled)
}

type tasksQuery struct {
	PageQuery
	Mine     bool       `query:"mine" doc:"Only those that are the caller's: claimed, or expected to be."`
	Team     string     `query:"team" doc:"The team's name, in any case."`
	Status   taskStatus `query:"status" doc:"Only those with this status."`
	Kind     stepKind   `query:"kind" doc:"Only those of this kind of step."`
	Assignee string     `query:"assignee" maxLength:"128" doc:"Whose they are: claimed, or expected to be."`
	Subject  string     `query:"subject" maxLength:"257" doc:"What they are about, as type/id." example:"booking/bk-1"`
}

type stepKind string

// Schema names the values.
func (stepKind) Schema(huma.Registry) *huma.Schema { return oneOf(ops.StepKinds()...) }

func (a *api) listTasks(ctx context.Context, q *tasksQuery) (*listOutput[taskBody], error) {
	team, badTeam := teamQuery(q.Team)
	subject, badSubject := subjectQuery(q.Subject)
	if err := invalid(badTeam, badSubject); err != nil {
		return nil, err
	}
	f := ops.TaskFilter{
		Team: team, Status: ops.TaskStatus(q.Status), Kind: ops.StepKind(q.Kind), Assignee: q.Assignee, Subject: subject,
		PageRequest: q.request(),
	}
	actor := actorOf(ctx)
	if q.Mine || actor.OnlyVendor() {
		f.Assignee = actor.ID
	}
	page, err := a.Store.Tasks(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	if actor.OnlyVendor() { // a member of the house may have the same id
		page.Items = slices.DeleteFunc(page.Items, func(t *ops.Task) bool { return t.Kind != ops.StepAssignment })
	}
	return listOf(page, viewFor(actor)), nil
}

func (a *api) getTask(ctx context.Context, in *IDPath) (*oneOutput[taskBody], error) {
	return oneTask(ctx, "read", func() (*ops.Task, error) { return a.taskFor(ctx, in.ID) })
}

// taskFor reads a task for the caller: for a vendor, those of others are not there.
func (a *api) taskFor(ctx context.Context, id string) (*ops.Task, error) {
	t, err := a.Store.Task(ctx, id)
	if actor := actorOf(ctx); err == nil && actor.OnlyVendor() && (t.Offer == nil || !t.Offer.Asked(actor.ID)) {
		return nil, ops.Errorf(ops.CodeNotFound, "there is no task %s", id)
	}
	return t, err
}

// bareInput is of a request that needs no body; an empty object will do.
type bareInput struct {
	IDPath
	Body *struct{} `nameHint:"Nothing"`
}

func (a *api) claimTask(ctx context.Context, in *bareInput) (*oneOutput[taskBody], error) {
	return oneTask(ctx, "claim", func() (*ops.Task, error) { return a.Tasks.Claim(ctx, in.ID, actorOf(ctx)) })
}

func (a *api) releaseTask(ctx context.Context, in *bareInput) (*oneOutput[taskBody], error) {
	return oneTask(ctx, "release", func() (*ops.Task, error) { return a.Tasks.Release(ctx, in.ID, actorOf(ctx)) })
}

type completeInput struct {
	IDPath
	Body struct {
		Outcome string          `json:"outcome,omitempty" maxLength:"128" doc:"One of the task's outcomes; may be absent when there is one."`
		Form    json.RawMessage `json:"form,omitempty" doc:"The filled-in form."`
		Comment string          `json:"comment,omitempty" maxLength:"4000"`
	} `nameHint:"CompleteTask"`
}

func (a *api) completeTask(ctx context.Context, in *completeInput) (*oneOutput[taskBody], error) {
	d := task.Decision{Outcome: in.Body.Outcome, Form: in.Body.Form, Comment: in.Body.Comment}
	return oneTask(ctx, "complete", func() (*ops.Task, error) { return a.Tasks.Complete(ctx, in.ID, actorOf(ctx), d) })
}

type rejectInput struct {
	IDPath
	Body struct {
		Comment string `json:"comment" minLength:"1" maxLength:"4000" doc:"Why."`
	} `nameHint:"RejectTask"`
}

func (a *api) rejectTask(ctx context.Context, in *rejectInput) (*oneOutput[taskBody], error) {
	return oneTask(ctx, "reject", func() (*ops.Task, error) {
		return a.Tasks.Reject(ctx, in.ID, actorOf(ctx), in.Body.Comment)
	})
}

type delegateInput struct {
	IDPath
	Body struct {
		To     string `json:"to" minLength:"1" maxLength:"128" doc:"The id of an active member of the task's team."`
		Reason string `json:"reason,omitempty" maxLength:"4000" doc:"Why; it is kept."`
	} `nameHint:"DelegateTask"`
}

func (a *api) delegateTask(ctx context.Context, in *delegateInput) (*oneOutput[taskBody], error) {
	return oneTask(ctx, "delegate", func() (*ops.Task, error) {
		return a.Tasks.Delegate(ctx, in.ID, actorOf(ctx), in.Body.To, in.Body.Reason)
	})
}

func oneTask(ctx context.Context, what string, do func() (*ops.Task, error)) (*oneOutput[taskBody], error) {
	t, err := do()
	if err != nil {
		return nil, fmt.Errorf("%s task: %w", what, err)
	}
	return &oneOutput[taskBody]{ETag: etag(t), Body: viewFor(actorOf(ctx))(t)}, nil
}
