package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

// startForm is the view of the form that starts a workflow: first the choice of a template, then what it needs.
type startForm struct {
	Templates []*ops.Template // to choose from; nil once one is chosen
	Template  *ops.Template
	Key       string // sending the form twice starts one workflow
	Name      string
	Subject   string
	Context   string
	Error     string
	Faults    []ops.Fault
}

// startPage is the form's page.
var startPage = page{path: "/workflows/start", action: "workflow.start", section: "Workflows", file: "start", still: true}

func (c *Console) startPages() {
	show(c, startPage, c.startForm)
	do(c, "/workflows/start", "workflow.start", c.start)
}

func (c *Console) startForm(q *request) (startForm, error) {
	startable, err := c.startable(q)
	if err != nil {
		return startForm{}, err
	}
	name := q.field("template")
	if name == "" {
		return startForm{Templates: startable}, nil
	}
	v := startForm{Context: "{}"}
	if v.Template, err = c.toStart(q, name, startable); err != nil {
		return startForm{}, err
	}
	if v.Key, err = secret(c.Random); err != nil {
		return v, err
	}
	if e := v.Template.Example; e != nil {
		v.Subject = e.Subject.String()
		if len(e.Context) > 0 {
			text, err := json.MarshalIndent(e.Context, "", "  ")
			if err != nil {
				return v, fmt.Errorf("show the example of %s: %w", name, err)
			}
			v.Context = string(text)
		}
	}
	return v, nil
}

// toStart gives the template that a form is for: the version that the address names, if it is published, or else the one that
// starts where none is named.
func (c *Console) toStart(q *request, name string, startable []*ops.Template) (*ops.Template, error) {
	at := slices.IndexFunc(startable, func(t *ops.Template) bool { return t.Name == name })
	version, _ := strconv.Atoi(q.field("version"))
	if at >= 0 && (version == 0 || version == startable[at].Version) {
		return startable[at], nil
	}
	if version > 0 {
		t, err := c.Workflows.GetTemplate(q.Context(), name, version)
		if err == nil && t.Published {
			return t, nil
		}
		if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
			return nil, fmt.Errorf("read template: %w", err)
		}
	}
	return nil, ops.Errorf(ops.CodeNotFound, "there is no template %.100s that can be started", name)
}

// startable gives the newest published version of every active template, by type and name.
func (c *Console) startable(q *request) ([]*ops.Template, error) {
	all, err := c.Workflows.ListTemplates(q.Context())
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	newest := map[string]*ops.Template{}
	for _, t := range all {
		if has := newest[t.Name]; t.Published && t.Active && (has == nil || t.Version > has.Version) {
			newest[t.Name] = t
		}
	}
	var list []*ops.Template
	for _, t := range newest {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *ops.Template) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

func (c *Console) start(q *request) (outcome, error) {
	v, err := c.startForm(q)
	if err != nil {
		return outcome{}, err
	}
	if v.Template == nil {
		return outcome{to: "/workflows/start"}, nil
	}
	v.Key, v.Name, v.Subject, v.Context = q.field("key"), strings.TrimSpace(q.field("name")), q.field("subject"), q.field("context")
	i, err := c.startWorkflow(q, v)
	if code := ops.ErrorCode(err); code == ops.CodeInvalid || code == ops.CodeTooLarge {
		if e, ok := errors.AsType[*ops.Error](err); ok {
			v.Error, v.Faults = sentence(e.Message), e.Faults
		}
		return outcome{}, &invalidForm{page: startPage, view: v, err: err}
	}
	if err != nil {
		return outcome{}, err
	}
	return outcome{to: "/workflows/" + i.ID, said: i.Name + " has been started."}, nil
}

func (c *Console) startWorkflow(q *request, v startForm) (*ops.Instance, error) {
	subject, err := subjectField(v.Subject)
	if err != nil {
		return nil, err
	}
	r := ops.StartRequest{
		Template: v.Template.Name, Version: v.Template.Version, Name: v.Name, Subject: subject,
		TriggeredBy: ops.TriggeredBy{Kind: "manual", User: q.Actor.ID},
	}
	if text := strings.TrimSpace(v.Context); text != "" {
		if err := json.Unmarshal([]byte(text), &r.Context); err != nil {
			return nil, ops.Invalid("workflow", []ops.Fault{{Path: "context", Expected: "a JSON object", Got: err.Error()}})
		}
	}
	if v.Key != "" {
		r.ID = ops.HashID("wf-", "console", q.Actor.ID, v.Key)
	}
	i, err := c.Workflows.Start(q.Context(), r, q.Actor)
	if r.ID != "" && ops.ErrorCode(err) == ops.CodeConflict { // the form was sent before
		return c.Store.Instance(q.Context(), r.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("start workflow: %w", err)
	}
	return i, nil
}
