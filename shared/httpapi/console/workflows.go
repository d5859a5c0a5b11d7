package console

import (
	"fmt"
	"slices"

	"opsflow/shared/ops"
)

// workflowList is the view of the list of workflows.
type workflowList struct {
	Filters           []filter
	Subject, Template string
	SubjectFault      string
	Overdue           bool
	Items             []*ops.Instance
	Ticked            ticked
	Pager             pager
}

var (
	workflowsPage = page{path: "/workflows", action: "workflow.read", section: "Workflows", file: "workflows"}
	workflowPage  = page{path: "/workflows/{id}", action: "workflow.read", section: "Workflows", file: "workflow"}
)

func (c *Console) workflowPages() {
	show(c, workflowsPage, c.workflowList)
	doTicked(c, workflowsPage, tickedWorkflows(), c.workflowList, func(v *workflowList, t ticked) { v.Ticked = t })
	show(c, workflowPage, c.workflow)
	do(c, "/workflows/{id}/pause", "workflow.control", c.control(c.Workflows.Pause, "pauses after the step that it is at."))
	do(c, "/workflows/{id}/resume", "workflow.control", c.control(c.Workflows.Resume, "goes on."))
	do(c, "/workflows/{id}/cancel", "workflow.control", c.control(c.Workflows.Cancel, "stops for good after the step that it is at."))
	do(c, "/workflows/{id}/retry", "workflow.control", c.retry)
	c.startPages()
}

// tickedWorkflows is what can be done to several workflows at once.
func tickedWorkflows() ticked {
	reason := tickedField{Name: "reason", Label: "Reason"}
	return ticked{Things: "workflows", Address: "/workflows/bulk", Actions: []tickedAction{
		{Action: ops.BulkRetryWorkflows, Text: "Retry", Why: "Those that failed go on from the step that failed.", Fields: []tickedField{reason}},
		{Action: ops.BulkPauseWorkflows, Text: "Pause", Why: "They stop after the step they are at.", Fields: []tickedField{reason}},
		{Action: ops.BulkResumeWorkflows, Text: "Resume", Why: "They go on where they stopped.", Fields: []tickedField{reason}},
		{Action: ops.BulkCancelWorkflows, Text: "Cancel", Why: "They end for good.", Fields: []tickedField{{Name: "reason", Label: "Reason", Required: true}}, Danger: true},
	}}
}

func (c *Console) workflowList(q *request) (workflowList, error) {
	status, chosenStatus := choose(q, "Status", "status", "Any status", ops.InstanceStatuses())
	kind, chosenType := choose(q, "Type", "type", "Any type", ops.WorkflowTypes())
	team, chosenTeam := choose(q, "Team", "team", "Any team", ops.Teams())
	names, err := c.templateNames(q)
	if err != nil {
		return workflowList{}, err
	}
	template, chosenTemplate := choose(q, "Template", "template", "Any template", names)
	subject, wrong := subjectField(q.field("subject"))
	v := workflowList{
		Filters: []filter{status, kind, template, team}, Subject: q.field("subject"), Overdue: q.field("overdue") == "true",
		Ticked: tickedWorkflows().For(q),
	}
	if wrong != nil {
		v.SubjectFault = subjectNeeded
		return v, &invalidForm{page: workflowsPage, view: v, err: wrong}
	}
	f := ops.InstanceFilter{
		Status: chosenStatus, Type: chosenType, Team: chosenTeam, Template: chosenTemplate, Subject: subject, PageRequest: pageRequest(q),
	}
	if v.Overdue {
		f.Overdue = c.Clock.Now()
	}
	p, err := c.Store.Instances(q.Context(), f)
	if err != nil {
		return v, fmt.Errorf("list workflows: %w", err)
	}
	v.Items, v.Pager = p.Items, pages(q, p, "workflows")
	return v, nil
}

// templateNames are the names of all templates, in alphabetical order.
func (c *Console) templateNames(q *request) ([]string, error) {
	all, err := c.Workflows.ListTemplates(q.Context())
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	var names []string
	for _, t := range all {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
