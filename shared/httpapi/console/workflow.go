package console

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
)

// workflowView is the view of one workflow.
type workflowView struct {
	*ops.Instance
	Steps    []stepView
	History  []ops.HistoryEntry // newest first
	Tasks    []*ops.Task
	Alerts   []*ops.Alert
	Graph    template.HTML // of the template, with the instance's state; empty: there is none
	Commands []command     // what can be done to it now
	Overdue  bool
	Retry    retryForm
}

// retryForm is what one can ask of another attempt; it is shown again when something is wrong with it.
type retryForm struct {
	Begun   []ops.StepRecord // that it can go on from
	Undone  []ops.StepRecord // that can be left out
	From    string
	Skip    []string
	Context string
	Reason  string
	Error   string
	Faults  []ops.Fault
}

// Skips reports whether a step is to be left out.
func (f retryForm) Skips(id string) bool { return slices.Contains(f.Skip, id) }

// stepView is a step with what only pages need.
type stepView struct {
	ops.StepRecord
	Shown string        // its status; of one that will not be done any more, that it was not reached
	Took  time.Duration // zero: not finished, or at once
}

// contextField is a value that the workflow's steps work on.
type contextField struct {
	Name  string
	Value json.RawMessage
}

// StepName is what the workflow's template calls a step.
func (v workflowView) StepName(id string) string {
	for i := range v.Steps {
		if v.Steps[i].ID == id {
			return v.Steps[i].Name
		}
	}
	return words(id)
}

// command is a change that a button offers.
type command struct {
	Name   string // last word of its path
	Text   string
	Why    string // what it does, for people
	Danger bool
}

const (
	historyShown  = 200
	relatedAlerts = 20
	maxLoaded     = 64 << 10 // bytes of large values on a page
)

func (c *Console) workflow(q *request) (workflowView, error) {
	i, err := c.Store.Instance(q.Context(), q.PathValue("id"))
	if err != nil {
		return workflowView{}, fmt.Errorf("read workflow: %w", err)
	}
	if err := c.Store.Load(q.Context(), i, maxLoaded); err != nil {
		return workflowView{}, fmt.Errorf("read workflow: %w", err)
	}
	i = i.Masked()
	v := workflowView{Instance: i, Commands: commands(i.Status)}
	v.Overdue = !i.Status.Ended() && !i.DueAt.IsZero() && i.DueAt.Before(c.Clock.Now())
	for _, s := range i.Steps {
		step := stepView{StepRecord: s, Shown: string(s.Status)}
		if i.Status.Ended() && s.Status == ops.StepPending {
			step.Shown = "not_reached"
		}
		if !s.FinishedAt.IsZero() && !s.StartedAt.IsZero() {
			step.Took = s.FinishedAt.Sub(s.StartedAt)
		}
		v.Steps = append(v.Steps, step)
		if s.Status != ops.StepPending {
			v.Retry.Begun = append(v.Retry.Begun, s)
		}
		if s.Status != ops.StepCompleted {
			v.Retry.Undone = append(v.Retry.Undone, s)
		}
	}
	if v.History, err = c.Store.History(q.Context(), i, max(0, i.Happened()-historyShown), historyShown, maxLoaded); err != nil {
		return v, fmt.Errorf("read workflow: %w", err)
	}
	v.History = slices.Clone(v.History)
	for n := range v.History {
		v.History[n] = i.Whole(v.History[n])
	}
	slices.Reverse(v.History)
	if v.Graph, err = c.graphOf(q.Context(), i); err != nil {
		return v, err
	}
	g, ctx := errgroup.WithContext(q.Context())
	g.Go(func() error {
		p, err := c.Store.Tasks(ctx, ops.TaskFilter{InstanceID: i.ID, PageRequest: ops.PageRequest{Limit: ops.MaxPageLimit}})
		v.Tasks = p.Items
		return err
	})
	g.Go(func() (err error) {
		v.Alerts, err = c.alertsOf(ctx, i)
		return err
	})
	if err := g.Wait(); err != nil {
		return v, fmt.Errorf("read what belongs to workflow %s: %w", i.ID, err)
	}
	return v, nil
}

// alertsOf gives the alerts that an instance has caused: they are about what it is about, or about itself.
func (c *Console) alertsOf(ctx context.Context, i *ops.Instance) ([]*ops.Alert, error) {
	var found []*ops.Alert
	for _, subject := range []ops.SubjectRef{i.Subject, {Type: "workflow", ID: i.ID}} {
		if subject.IsZero() {
			continue
		}
		p, err := c.Store.Alerts(ctx, ops.AlertFilter{Subject: subject, PageRequest: ops.PageRequest{Limit: relatedAlerts}})
		if err != nil {
			return nil, err
		}
		for _, a := range p.Items {
			if a.InstanceID == i.ID {
				found = append(found, a)
			}
		}
	}
	return found, nil
}

// commands are what an instance's status allows.
func commands(s ops.InstanceStatus) []command {
	resume := command{Name: "resume", Text: "Resume", Why: "It goes on where it stopped; delays and deadlines move by the time it stood still."}
	pause := command{Name: "pause", Text: "Pause", Why: "It stops after the step it is at; its tasks can't be decided until it is resumed."}
	retry := command{Name: "retry", Text: "Retry", Why: "It goes on from the step that failed; what is completed is not done again."}
	cancel := command{Name: "cancel", Text: "Cancel", Why: "It ends for good: its tasks are withdrawn, and what can be undone is undone.", Danger: true}
	switch {
	case s == ops.InstancePaused:
		return []command{resume, cancel}
	case s == ops.InstanceFailed:
		return []command{retry}
	case s.Ended():
		return nil
	}
	return []command{pause, cancel}
}
