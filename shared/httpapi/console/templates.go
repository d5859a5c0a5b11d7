package console

import (
	"context"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
	"opsflow/shared/workflow/graph"
)

// templateList is the view of the templates.
type templateList struct {
	Filters []filter
	Items   []templateRow
	Pager   pager
}

// templateRow is the newest version of a template.
type templateRow struct {
	*ops.Template
	URL     string
	Minutes int // that it takes, by the estimates of its steps
}

// templateView is the view of one version of a template.
type templateView struct {
	templateRow
	workflow.Advice
	Graph    template.HTML
	Steps    []templateStep // in the order in which they can be done
	Versions []templateRow  // all, the newest first
	UsedBy   []*ops.Rule    // that start it
}

// templateStep is a step as its template's page tells of it.
type templateStep struct {
	*ops.Step
	After []string // the names of what it waits for
	Who   ops.Team // a person's step: whose
}

// State is how the version stands, in one word.
func (r templateRow) State() string {
	switch {
	case !r.Published:
		return "draft"
	case !r.Active:
		return "inactive"
	}
	return "published"
}

func (c *Console) templatePages() {
	show(c, page{path: "/templates", action: "template.read", section: "Templates", file: "templates"}, c.templateList)
	show(c, page{path: "/templates/{name}/versions/{version}", action: "template.read", section: "Templates", file: "template"}, c.template)
	do(c, "/templates/{name}/versions/{version}/publish", "template.publish", c.publish)
	do(c, "/templates/{name}/versions/{version}/activate", "template.publish", c.setActive(c.Workflows.Activate, "is active."))
	do(c, "/templates/{name}/versions/{version}/deactivate", "template.publish", c.setActive(c.Workflows.Deactivate, "is withdrawn; what runs goes on."))
}

func rowOf(t *ops.Template) templateRow {
	r := templateRow{Template: t, URL: "/templates/" + t.Name + "/versions/" + strconv.Itoa(t.Version), Minutes: t.EstimatedMinutes}
	if r.Minutes == 0 {
		for i := range t.Steps {
			r.Minutes += t.Steps[i].EstimatedMinutes
		}
	}
	return r
}

func (c *Console) templateList(q *request) (templateList, error) {
	all, err := c.Workflows.ListTemplates(q.Context())
	if err != nil {
		return templateList{}, fmt.Errorf("list templates: %w", err)
	}
	kind, chosenType := choose(q, "Type", "type", "Any type", ops.WorkflowTypes())
	team, chosenTeam := choose(q, "Team", "team", "Any team", ops.Teams())
	trigger, chosenTrigger := choose(q, "Starts", "trigger", "In any way", ops.Triggers())
	v := templateList{Filters: []filter{kind, team, trigger}}
	for i, t := range all { // by name, the newest version first
		newest := i == 0 || all[i-1].Name != t.Name
		if newest && (chosenType == "" || t.Type == chosenType) && (chosenTeam == "" || t.Team == chosenTeam) &&
			(chosenTrigger == "" || t.Trigger == chosenTrigger) {
			v.Items = append(v.Items, rowOf(t))
		}
	}
	v.Pager.Count = strconv.Itoa(len(v.Items)) + " templates"
	return v, nil
}

// templateAsked reads which version the address names.
func (c *Console) templateAsked(q *request) (*ops.Template, error) {
	number, err := strconv.Atoi(q.PathValue("version"))
	if err != nil || number < 1 {
		return nil, ops.Errorf(ops.CodeNotFound, "there is no version %.20q", q.PathValue("version"))
	}
	t, err := c.Workflows.GetTemplate(q.Context(), q.PathValue("name"), number)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return t, nil
}

func (c *Console) template(q *request) (templateView, error) {
	t, err := c.templateAsked(q)
	if err != nil {
		return templateView{}, err
	}
	v := templateView{templateRow: rowOf(t), Graph: drawing(t, nil)}
	if v.Advice, err = c.Workflows.Advise(q.Context(), t); err != nil {
		return v, fmt.Errorf("look for what is odd about the template: %w", err)
	}
	for _, id := range t.Order() {
		s := templateStep{Step: t.Step(id)}
		for _, need := range t.Needs(id) {
			if before := t.Step(need); before != nil {
				s.After = append(s.After, before.Name)
			}
		}
		if s.Kind.Human() {
			if s.Who = s.Role; s.Who == "" {
				s.Who = t.Team
			}
		}
		v.Steps = append(v.Steps, s)
	}
	all, err := c.Workflows.ListTemplates(q.Context())
	if err != nil {
		return v, fmt.Errorf("list templates: %w", err)
	}
	for _, other := range all {
		if other.Name == t.Name {
			v.Versions = append(v.Versions, rowOf(other))
		}
	}
	rules, err := c.Rules.List(q.Context())
	if err != nil {
		return v, fmt.Errorf("list rules: %w", err)
	}
	for _, r := range rules {
		if r.Starts(t.Name) {
			v.UsedBy = append(v.UsedBy, r)
		}
	}
	return v, nil
}

func (c *Console) publish(q *request) (outcome, error) {
	activate := q.field("try") == ""
	t, err := c.templateAsked(q)
	if err == nil {
		t, err = c.Workflows.Publish(q.Context(), t.Name, t.Version, q.Actor, activate)
	}
	if err != nil {
		return outcome{}, fmt.Errorf("publish template: %w", err)
	}
	said := fmt.Sprintf("Version %d of %s can be started now.", t.Version, t.Name)
	if !activate {
		said = fmt.Sprintf("Version %d of %s can be tried now.", t.Version, t.Name)
	}
	return outcome{to: rowOf(t).URL, said: said}, nil
}

// setActive answers the buttons that say whether a version starts where none is named.
func (c *Console) setActive(
	set func(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error), said string,
) func(*request) (outcome, error) {
	return func(q *request) (outcome, error) {
		t, err := c.templateAsked(q)
		if err == nil {
			t, err = set(q.Context(), t.Name, t.Version, q.Actor, strings.TrimSpace(q.field("reason")))
		}
		if err != nil {
			return outcome{}, fmt.Errorf("change template: %w", err)
		}
		return outcome{to: rowOf(t).URL, said: fmt.Sprintf("Version %d of %s %s", t.Version, t.Name, said)}, nil
	}
}

// graphOf draws an instance on the version of its template that it runs on; nothing when that is there no more.
func (c *Console) graphOf(ctx context.Context, i *ops.Instance) (template.HTML, error) {
	t, err := c.Workflows.GetTemplate(ctx, i.Template, i.TemplateVersion)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the template of workflow %s: %w", i.ID, err)
	}
	return drawing(t, i), nil
}

func drawing(t *ops.Template, i *ops.Instance) template.HTML {
	return template.HTML(graph.SVG(t, i)) //nolint:gosec // package graph escapes what it writes
}
