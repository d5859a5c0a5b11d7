package main

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

type taskCommands struct {
	List     tasksList     `cmd:"" help:"List tasks: a team's or one's own open ones by urgency, else newest first."`
	Show     tasksShow     `cmd:"" help:"Show a task with its form."`
	Claim    tasksClaim    `cmd:"" help:"Take a task on."`
	Release  tasksRelease  `cmd:"" help:"Give a claimed task back to its team."`
	Complete tasksComplete `cmd:"" help:"Decide a task."`
	Reject   tasksReject   `cmd:"" help:"Refuse what a task asks for."`
	Delegate tasksDelegate `cmd:"" help:"Give a task to another member of its team."`
}

type tasksList struct {
	pageFlags

	Team     string          `help:"Only those of this team."`
	Status   string          `help:"Only those with this status."`
	Kind     string          `help:"Only those of this kind of step."`
	Subject  subjectArgument `placeholder:"TYPE/ID" help:"Only those about this."`
	Assignee string          `help:"Only those of this person."`
	Mine     bool            `help:"Only those that are the token's owner's."`
}

// Run prints a page of the list.
func (c *tasksList) Run(ctx context.Context, s *session) error {
	q := query("team", c.Team, "status", c.Status, "kind", c.Kind, "subject", c.Subject.String(), "assignee", c.Assignee)
	if c.Mine {
		q.Set("mine", "true")
	}
	return list(ctx, s, "/v1/tasks", q, c.pageFlags, []column[*ops.Task]{
		{"ID", func(t *ops.Task) string { return t.ID }},
		{"TITLE", func(t *ops.Task) string { return t.Title }},
		{"TEAM", func(t *ops.Task) string { return string(t.Team) }},
		{"STATUS", func(t *ops.Task) string { return string(t.Status) }},
		{"ASSIGNEE", func(t *ops.Task) string { return t.Assignee }},
		{"SUBJECT", func(t *ops.Task) string { return t.Subject.String() }},
		{"DUE", func(t *ops.Task) string { return when(t.DueAt) }},
		{"WORKFLOW", func(t *ops.Task) string { return t.InstanceID }},
	})
}

type tasksShow struct {
	ID string `arg:"" help:"Id of the task."`
}

// Run shows the task.
func (c *tasksShow) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, taskPath(c.ID), describeTask)
}

type tasksClaim struct {
	ID string `arg:"" help:"Id of the task."`
}

// Run claims the task.
func (c *tasksClaim) Run(ctx context.Context, s *session) error {
	return s.moveTask(ctx, c.ID, "claim", struct{}{})
}

type tasksRelease struct {
	ID string `arg:"" help:"Id of the task."`
}

// Run gives the task back.
func (c *tasksRelease) Run(ctx context.Context, s *session) error {
	return s.moveTask(ctx, c.ID, "release", struct{}{})
}

type tasksDelegate struct {
	ID     string `arg:"" help:"Id of the task."`
	To     string `required:"" help:"Id of an active member of its team."`
	Reason string `help:"Why; it is kept."`
}

// Run gives the task to somebody else.
func (c *tasksDelegate) Run(ctx context.Context, s *session) error {
	return s.moveTask(ctx, c.ID, "delegate", map[string]string{"to": c.To, "reason": c.Reason})
}

type tasksComplete struct {
	ID      string `arg:"" help:"Id of the task."`
	Outcome string `help:"One of the task's outcomes; may be left out when it has only one."`
	Form    string `placeholder:"JSON" help:"The filled-in form, a JSON object; - reads it from stdin."`
	Comment string `help:"What there is to say about it."`
}

// Run completes the task.
func (c *tasksComplete) Run(ctx context.Context, s *session) error {
	form, err := s.object("--form", c.Form)
	if err != nil {
		return err
	}
	return s.moveTask(ctx, c.ID, "complete", struct {
		Outcome string          `json:"outcome,omitempty"`
		Form    json.RawMessage `json:"form,omitempty"`
		Comment string          `json:"comment,omitempty"`
	}{c.Outcome, form, c.Comment})
}

type tasksReject struct {
	ID      string `arg:"" help:"Id of the task."`
	Comment string `required:"" help:"Why."`
}

// Run rejects the task.
func (c *tasksReject) Run(ctx context.Context, s *session) error {
	return s.moveTask(ctx, c.ID, "reject", struct {
		Comment string `json:"comment"`
	}{c.Comment})
}

// moveTask does something to a task and shows what became of it.
func (s *session) moveTask(ctx context.Context, id, move string, body any) error {
	answer, err := s.api.post(ctx, taskPath(id)+"/"+move, body, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeTask)
}

func taskPath(id string) string { return "/v1/tasks/" + url.PathEscape(id) }

func describeTask(w io.Writer, t *ops.Task) {
	field(w, "id", t.ID)
	field(w, "title", t.Title)
	field(w, "kind", string(t.Kind))
	field(w, "status", string(t.Status))
	field(w, "outcome", t.Outcome)
	field(w, "outcomes", strings.Join(t.Outcomes, ", "))
	field(w, "form", string(t.Form))
	field(w, "answers", string(t.Answers))
	field(w, "team", string(t.Team))
	field(w, "assignee", t.Assignee)
	field(w, "subject", t.Subject.String())
	field(w, "workflow", t.InstanceID)
	field(w, "step", t.Step)
	field(w, "priority", strconv.Itoa(t.Priority))
	field(w, "due", when(t.DueAt))
	field(w, "comment", t.Comment)
	field(w, "decided by", t.DecidedBy)
	field(w, "decided", when(t.DecidedAt))
}
