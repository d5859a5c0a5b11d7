package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

type templateCommands struct {
	List       templatesList       `cmd:"" help:"List all versions of all templates, built-in ones included."`
	Create     templatesCreate     `cmd:"" help:"Store a template's next version from a JSON file."`
	Publish    templatesPublish    `cmd:"" help:"Make a version unchangeable and startable; for admins."`
	Activate   templatesActivate   `cmd:"" help:"Let a published version start where none is named; the newest active one does. For admins."`
	Deactivate templatesDeactivate `cmd:"" help:"Withdraw a version: the newest that is still active starts instead; what runs goes on. For admins."`
	Validate   templatesValidate   `cmd:"" help:"Tell everything that is wrong with a template, without the API."`
	Compile    templatesCompile    `cmd:"" help:"Print a template's state machine in Amazon States Language, without the API."`
}

type templatesList struct {
	pageFlags

	Type    string `help:"Only those of this type."`
	Team    string `help:"Only those of this team."`
	Trigger string `help:"Only those that are started so: manual, event_based, time_based or condition_based."`
	Active  string `help:"Only those that are active (true), or not (false)."`
}

// Run prints a page of the list.
func (c *templatesList) Run(ctx context.Context, s *session) error {
	return list(ctx, s, "/v1/templates", query("type", c.Type, "team", c.Team, "trigger", c.Trigger, "active", c.Active), c.pageFlags, []column[*ops.Template]{
		{"NAME", func(t *ops.Template) string { return t.Name }},
		{"VERSION", func(t *ops.Template) string { return strconv.Itoa(t.Version) }},
		{"STATE", templateState},
		{"TYPE", func(t *ops.Template) string { return string(t.Type) }},
		{"TRIGGER", func(t *ops.Template) string { return string(t.Trigger) }},
		{"TEAM", func(t *ops.Template) string { return string(t.Team) }},
		{"STEPS", func(t *ops.Template) string { return strconv.Itoa(len(t.Steps)) }},
	})
}

func templateState(t *ops.Template) string {
	switch {
	case !t.Published:
		return "draft"
	case !t.Active:
		return "inactive"
	}
	return "published"
}

type templatesCreate struct {
	File    string `arg:"" help:"JSON file; - reads stdin."`
	Publish bool   `help:"Publish the version, so that workflows can be started from it; for admins."`
}

// Run stores the template and, if so told, publishes it.
func (c *templatesCreate) Run(ctx context.Context, s *session) error {
	text, err := s.readFile(c.File)
	if err != nil {
		return err
	}
	answer, err := s.api.postText(ctx, "/v1/templates", text)
	if err != nil {
		return err
	}
	if c.Publish {
		var t ops.Template
		if err := decode(answer, &t); err != nil {
			return err
		}
		fmt.Fprintln(s.err, "stored", printable(ops.TemplateID(t.Name, t.Version)))
		if answer, err = s.api.post(ctx, templatePath(t.Name, t.Version)+"/publish", struct{}{}, ""); err != nil {
			return err
		}
	}
	return one(s, answer, describeTemplate)
}

func describeTemplate(w io.Writer, t *httpapi.TemplateBody) {
	field(w, "name", t.Name)
	field(w, "version", strconv.Itoa(t.Version))
	field(w, "state", templateState(&t.Template))
	field(w, "type", string(t.Type))
	field(w, "trigger", string(t.Trigger))
	field(w, "team", string(t.Team))
	field(w, "steps", strconv.Itoa(len(t.Steps)))
	field(w, "description", t.Description)
	describeAdvice(w, t.Advice)
}

type templatesValidate struct {
	File string `arg:"" help:"JSON file; - reads stdin."`
}

// Run checks the file. The faults are an error; with --json they are data, too.
func (c *templatesValidate) Run(s *session) error {
	t, invalid := s.template(c.File)
	var advice workflow.Advice
	if invalid == nil {
		advice = workflow.Advise(t)
	}
	verdict, err := workflow.VerdictOn(advice, invalid)
	if err != nil || invalid != nil && !s.json {
		return invalid
	}
	shown := s.showValue(verdict, func(w io.Writer) {
		row(w, fmt.Sprintf("%s is valid: template %s, %d steps", c.File, t.Name, len(t.Steps)))
		describeAdvice(w, advice)
	})
	if invalid != nil {
		return invalid
	}
	return shown
}

// describeAdvice prints what there is to know of a template that is no fault.
func describeAdvice(w io.Writer, a workflow.Advice) {
	states := strconv.Itoa(a.Cost.StatesMin)
	if a.Cost.StatesMax > a.Cost.StatesMin {
		states += " to " + strconv.Itoa(a.Cost.StatesMax)
	}
	field(w, "states per run", states)
	for _, odd := range a.Warnings {
		field(w, "warning", odd.Path+": "+odd.Message)
	}
}

type templatesCompile struct {
	File string `arg:"" help:"JSON file; - reads stdin."`
}

// Run prints the state machine; it is JSON in any case.
func (c *templatesCompile) Run(s *session) error {
	t, err := s.template(c.File)
	if err != nil {
		return err
	}
	definition, err := workflow.Compile(t)
	if err != nil {
		return err
	}
	if _, err := io.Copy(s.out, bytes.NewReader(definition)); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// template reads a file and checks it as the API does, which may know more actions than the built-in ones.
func (s *session) template(file string) (*ops.Template, error) {
	text, err := s.readFile(file)
	if err != nil {
		return nil, err
	}
	return workflow.Read(text, nil, form.Checker{})
}
