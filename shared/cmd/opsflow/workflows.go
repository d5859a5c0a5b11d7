package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

type workflowCommands struct {
	List   workflowsList   `cmd:"" help:"List workflows, newest first."`
	Start  workflowsStart  `cmd:"" help:"Start a workflow."`
	Status workflowsStatus `cmd:"" help:"Show a workflow with its steps."`
	Watch  workflowsWatch  `cmd:"" help:"Follow a workflow, step by step, until it has ended."`
	Pause  workflowsPause  `cmd:"" help:"Let a workflow stand still, its deadlines too."`
	Resume workflowsResume `cmd:"" help:"Let a paused workflow go on."`
	Cancel workflowsCancel `cmd:"" help:"End a workflow and undo what can be undone."`
	Retry  workflowsRetry  `cmd:"" help:"Try a failed workflow again."`
}

type workflowsList struct {
	pageFlags

	Status   string          `help:"Only those with this status."`
	Type     string          `help:"Only those of this type."`
	Template string          `help:"Only those of this template."`
	Subject  subjectArgument `placeholder:"TYPE/ID" help:"Only those about this."`
	Team     string          `help:"Only those of this team."`
	Assignee string          `help:"Only those of this team or person."`
	Overdue  bool            `help:"Only those that are open and past their due time."`
}

// Run prints a page of the list.
func (c *workflowsList) Run(ctx context.Context, s *session) error {
	q := query("status", c.Status, "type", c.Type, "template", c.Template, "subject", c.Subject.String(), "team", c.Team,
		"assignee", c.Assignee)
	if c.Overdue {
		q.Set("overdue", "true")
	}
	return list(ctx, s, "/v1/workflows", q, c.pageFlags, []column[*ops.Instance]{
		{"ID", func(i *ops.Instance) string { return i.ID }},
		{"TEMPLATE", func(i *ops.Instance) string { return i.Template }},
		{"STATUS", func(i *ops.Instance) string { return string(i.Status) }},
		{"PROGRESS", func(i *ops.Instance) string { return strconv.Itoa(i.Progress) + "%" }},
		{"SUBJECT", func(i *ops.Instance) string { return i.Subject.String() }},
		{"TEAM", func(i *ops.Instance) string { return string(i.Team) }},
		{"CREATED", func(i *ops.Instance) string { return when(i.CreatedAt) }},
	})
}

type workflowsStart struct {
	Template string          `arg:"" help:"Name of its template."`
	Version  int             `help:"Version of the template; absent: the newest published."`
	Name     string          `help:"What to call it."`
	Subject  subjectArgument `placeholder:"TYPE/ID" help:"What it is about."`
	Context  string          `placeholder:"JSON" help:"What its steps work on, a JSON object; - reads it from stdin."`
	Key      string          `help:"Idempotency key: the same key starts one workflow, however often."`
	Wait     bool            `help:"Wait until it has ended, or waits for a person. Exit code 1 when it failed or was cancelled."`
}

// Run starts the workflow and, if so told, waits.
func (c *workflowsStart) Run(ctx context.Context, s *session) error {
	given, err := s.object("--context", c.Context)
	if err != nil {
		return err
	}
	body := struct {
		Template string          `json:"template"`
		Version  int             `json:"version,omitempty"`
		Name     string          `json:"name,omitempty"`
		Subject  ops.SubjectRef  `json:"subject,omitzero"`
		Context  json.RawMessage `json:"context,omitempty"`
	}{c.Template, c.Version, c.Name, c.Subject.SubjectRef, given}
	answer, err := s.api.post(ctx, "/v1/workflows", body, c.Key)
	if err != nil {
		return err
	}
	if !c.Wait {
		return one(s, answer, describeWorkflow)
	}
	var started ops.Instance
	if err := decode(answer, &started); err != nil {
		return err
	}
	fmt.Fprintln(s.err, "started", started.ID)
	return follow(ctx, s, started.ID, s.err, needsNobody)
}

// needsNobody reports whether a workflow goes on by itself.
func needsNobody(i *ops.Instance) bool {
	waits := i.WaitingFor != nil && i.WaitingFor.Kind == "task"
	return !waits && i.Status != ops.InstanceWaitingApproval && i.Status != ops.InstancePaused
}

type workflowsStatus struct {
	ID string `arg:"" help:"Id of the workflow."`
}

// Run prints the workflow.
func (c *workflowsStatus) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, workflowPath(c.ID), describeWorkflow)
}

func workflowPath(id string) string { return "/v1/workflows/" + url.PathEscape(id) }

func describeWorkflow(w io.Writer, i *ops.Instance) {
	field(w, "id", i.ID)
	field(w, "name", i.Name)
	field(w, "template", ops.TemplateID(i.Template, i.TemplateVersion))
	field(w, "status", string(i.Status))
	field(w, "progress", strconv.Itoa(i.Progress)+"%")
	field(w, "subject", i.Subject.String())
	field(w, "team", string(i.Team))
	field(w, "attempt", strconv.Itoa(i.Attempt))
	field(w, "created", when(i.CreatedAt))
	field(w, "ended", when(i.EndedAt))
	field(w, "due", when(i.DueAt))
	field(w, "overdue since", when(i.OverdueAt))
	if !i.Status.Ended() {
		field(w, "expected end", when(i.ETA))
		if !i.ETAP90.IsZero() {
			field(w, "at the latest", when(i.ETAP90)+" (nine of ten)")
		}
	}
	if i.Asked != nil {
		field(w, "asked to", i.Asked.What+" by "+i.Asked.By)
	}
	if i.WaitingFor != nil {
		field(w, "waiting for", waiting(i.WaitingFor))
		for n := range i.AlsoWaitingFor {
			field(w, "and for", waiting(&i.AlsoWaitingFor[n]))
		}
	}
	if i.Error != nil {
		field(w, "error", stepError(i.Error))
	}
	if len(i.Steps) == 0 {
		return
	}
	fmt.Fprintln(w)
	rows(w, i.Steps, []column[ops.StepRecord]{
		{"STEP", func(r ops.StepRecord) string { return r.ID }},
		{"KIND", func(r ops.StepRecord) string { return string(r.Kind) }},
		{"STATUS", func(r ops.StepRecord) string { return string(r.Status) }},
		{"STARTED", func(r ops.StepRecord) string { return when(r.StartedAt) }},
		{"FINISHED", func(r ops.StepRecord) string { return when(r.FinishedAt) }},
		{"TASK", func(r ops.StepRecord) string { return r.TaskID }},
		{"ERROR", func(r ops.StepRecord) string {
			if r.Error == nil {
				return ""
			}
			return stepError(r.Error)
		}},
	})
}

func waiting(f *ops.WaitingFor) string {
	text := strings.TrimSpace(f.Kind + " " + f.Ref)
	if !f.Until.IsZero() {
		text += " until " + when(f.Until)
	}
	return text
}

func stepError(e *ops.StepError) string {
	text := e.Code + ": " + e.Message
	if e.Step != "" {
		text = "step " + e.Step + ": " + text
	}
	return text
}
