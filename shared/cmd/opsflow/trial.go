package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// trialQuiet is for how long a tried workflow may do nothing that it says it is doing.
const trialQuiet = 30 * time.Second

type trialCommand struct {
	Templates []string `arg:"" optional:"" help:"Names of the templates to try; absent: all published ones."`
	Advance   bool     `help:"Move the local runtime's time on when a workflow waits for a time."`
}

// trial is how it went with one template.
type trial struct {
	Template string             `json:"template"` // "name@version"
	Type     ops.WorkflowType   `json:"type"`
	Instance string             `json:"instance,omitempty"`
	Status   ops.InstanceStatus `json:"status,omitempty"`
	Progress int                `json:"progress"`
	Steps    int                `json:"steps"` // that have ended
	Tasks    int                `json:"tasks"` // that were answered
	Waits    string             `json:"waits_for,omitempty"`
	Error    string             `json:"error,omitempty"`
}

// Run starts each template as its example says, answers its tasks as the example's people, and reports how it went. It
// fails when a workflow fails, or comes to rest without saying what it waits for.
func (c *trialCommand) Run(ctx context.Context, s *session) error {
	templates, err := s.newest(ctx, c.Templates)
	if err != nil {
		return err
	}
	var (
		trials []trial
		failed []string
	)
	for _, t := range templates {
		fmt.Fprintln(s.err, "trying", ops.TemplateID(t.Name, t.Version))
		r := c.try(ctx, s, t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.Error != "" {
			failed = append(failed, r.Template)
		}
		trials = append(trials, r)
	}
	err = s.showValue(struct {
		Items []trial `json:"items"`
	}{trials}, func(w io.Writer) {
		rows(w, trials, []column[trial]{
			{"TEMPLATE", func(r trial) string { return r.Template }},
			{"TYPE", func(r trial) string { return string(r.Type) }},
			{"STATUS", func(r trial) string { return string(r.Status) }},
			{"PROGRESS", func(r trial) string { return strconv.Itoa(r.Progress) + "%" }},
			{"STEPS", func(r trial) string { return strconv.Itoa(r.Steps) }},
			{"TASKS", func(r trial) string { return strconv.Itoa(r.Tasks) }},
			{"WAITS FOR", func(r trial) string { return r.Waits }},
			{"ERROR", func(r trial) string { return r.Error }},
			{"WORKFLOW", func(r trial) string { return r.Instance }},
		})
	})
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d templates did not do what they should: %s", len(failed), len(trials), strings.Join(failed, ", "))
	}
	return nil
}

// newest reads the newest published version of each template, or of those named.
func (s *session) newest(ctx context.Context, names []string) ([]*ops.Template, error) {
	found := map[string]*ops.Template{}
	for q := query("limit", "100"); ; {
		answer, err := s.api.get(ctx, "/v1/templates", q)
		if err != nil {
			return nil, err
		}
		var p page[*ops.Template]
		if err := decode(answer, &p); err != nil {
			return nil, err
		}
		for _, t := range p.Items {
			if t.Published && t.Active && (found[t.Name] == nil || found[t.Name].Version < t.Version) {
				found[t.Name] = t
			}
		}
		if p.NextCursor == nil {
			break
		}
		q.Set("cursor", *p.NextCursor)
	}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(found))
	}
	list := make([]*ops.Template, 0, len(names))
	for _, name := range names {
		if found[name] == nil {
			return nil, ops.Errorf(ops.CodeNotFound, "there is no published template %s", name)
		}
		list = append(list, found[name])
	}
	return list, nil
}

// try runs one template as far as it goes.
func (c *trialCommand) try(ctx context.Context, s *session, t *ops.Template) trial {
	r := trial{Template: ops.TemplateID(t.Name, t.Version), Type: t.Type}
	id, err := s.startExample(ctx, t)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	r.Instance = id
	example := t.Example
	if example == nil {
		example = &ops.Example{}
	}
	changed := time.Now()
	for seen := int64(0); ; {
		_, i, err := s.workflow(ctx, id)
		if err != nil {
			r.Error = err.Error()
			return r
		}
		r.look(i)
		if i.Status.Ended() || r.Error != "" {
			return r
		}
		if i.V != seen {
			seen, changed = i.V, time.Now()
		}
		next, err := c.help(ctx, s, i, example)
		switch {
		case err != nil:
			r.Error = err.Error()
			return r
		case next == helped:
			if i.WaitingFor.Kind == "task" {
				r.Tasks++
			}
			continue
		case next == rests:
			r.Waits = waiting(i.WaitingFor)
			return r
		case time.Since(changed) > trialQuiet:
			r.Error = fmt.Sprintf("nothing happened for %s", trialQuiet)
			return r
		}
		select {
		case <-ctx.Done():
			return r
		case <-time.After(firstLook):
		}
	}
}

// look takes down how the workflow stands.
func (r *trial) look(i *ops.Instance) {
	r.Status, r.Progress, r.Steps = i.Status, i.Progress, 0
	for n := range i.Steps {
		if i.Steps[n].Status.Ended() {
			r.Steps++
		}
	}
	if i.Error != nil {
		r.Error = stepError(i.Error)
	}
	if i.Status == ops.InstanceCompleted && i.Progress != 100 {
		r.Error = "it is completed at " + strconv.Itoa(i.Progress) + "%"
	}
}

// next is what is to be expected of a workflow that was looked at.
type next int

const (
	goesOn next = iota // by itself
	helped             // it was given what it waited for
	rests              // it waits for something that is not ours to give
)

// help does what a workflow waits for, if it can.
func (c *trialCommand) help(ctx context.Context, s *session, i *ops.Instance, example *ops.Example) (next, error) {
	w := i.WaitingFor
	switch {
	case w == nil || w.Kind == "start" || w.Kind == "retry" || w.Kind == "working":
		return goesOn, nil
	case w.Kind == "task":
		return s.answer(ctx, w.Ref, example)
	case w.Kind == "timer" && c.Advance && !w.Until.IsZero():
		// Precision is a minute: the minute that the time falls into must be over.
		d := max(w.Until.Sub(i.UpdatedAt), 0) + time.Minute
		_, err := s.api.send(ctx, http.MethodPost, "/dev/clock", "", []byte(`{"advance":"`+d.String()+`"}`), "")
		return helped, err
	}
	return rests, nil
}

// startExample starts a workflow as the template's example says. What it is about gets an id of its own, wherever the
// example names it, so that one trial does not meet another's records.
func (s *session) startExample(ctx context.Context, t *ops.Template) (string, error) {
	body := struct {
		Template string                     `json:"template"`
		Version  int                        `json:"version"`
		Name     string                     `json:"name"`
		Subject  ops.SubjectRef             `json:"subject,omitzero"`
		Context  map[string]json.RawMessage `json:"context,omitempty"`
	}{Template: t.Name, Version: t.Version, Name: "Trial of " + t.Name}
	if t.Example != nil {
		text, err := json.Marshal(t.Example)
		if err != nil {
			return "", fmt.Errorf("write the example: %w", err)
		}
		if id := t.Example.Subject.ID; strings.HasSuffix(id, "-example") {
			text = bytes.ReplaceAll(text, []byte(`"`+id+`"`), []byte(`"`+id+`-`+strings.ToLower(rand.Text()[:8])+`"`))
		}
		var own ops.Example
		if err := json.Unmarshal(text, &own); err != nil {
			return "", fmt.Errorf("read the example: %w", err)
		}
		body.Subject, body.Context = own.Subject, own.Context
	}
	answer, err := s.api.post(ctx, "/v1/workflows", body, "")
	if err != nil {
		return "", err
	}
	var i ops.Instance
	err = decode(answer, &i)
	return i.ID, err
}

// answer completes a task as the example's people do: nobody may decide what they started, and only the local runtime
// lends the identity of somebody else.
func (s *session) answer(ctx context.Context, id string, example *ops.Example) (next, error) {
	read, err := s.api.get(ctx, taskPath(id), nil)
	if err != nil {
		return rests, err
	}
	var t ops.Task
	if err := decode(read, &t); err != nil {
		return rests, err
	}
	if t.Status.Decided() {
		return goesOn, nil // the workflow is about to take it up
	}
	token, err := s.api.lend(ctx, "trial-"+strings.ToLower(string(t.Team)), string(t.Team))
	if err != nil || token == "" {
		return rests, err
	}
	a := example.Answers[t.Step]
	if a.Outcome == "" && len(t.Outcomes) > 0 {
		a.Outcome = t.Outcomes[0]
	}
	body, err := json.Marshal(a)
	if err != nil {
		return rests, fmt.Errorf("write the answer: %w", err)
	}
	if _, err := s.api.send(ctx, http.MethodPost, taskPath(id)+"/complete", token, body, ""); err != nil {
		return rests, fmt.Errorf("step %s: %w", t.Step, err)
	}
	return helped, nil
}
