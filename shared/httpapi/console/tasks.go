package console

import (
	"fmt"
	"strconv"
	"strings"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// taskList is the view of the tasks: one's own, a team's, or all.
type taskList struct {
	Tabs     []tab
	Filters  []filter
	Team     string // of the tab: empty for one's own, "all"
	Subject  string
	Assignee string
	Items    []*ops.Task
	Ticked   ticked
	Pager    pager
	Mine     bool
	Offers   bool // the visitor is a vendor, and sees its offers
	Decided  bool // they are over: the newest come first
}

// tab is a way to look at a list.
type tab struct {
	Text, URL string
	Current   bool
}

var tasksPage = page{path: "/tasks", action: "task.read", section: "Tasks", file: "tasks"}

func (c *Console) taskPages() {
	show(c, tasksPage, c.taskList)
	doTicked(c, tasksPage, tickedTasks(), c.taskList, func(v *taskList, t ticked) { v.Ticked = t })
	show(c, taskPage, c.task)
	do(c, "/tasks/{id}/claim", "task.work", c.claim)
	do(c, "/tasks/{id}/release", "task.work", c.release)
	do(c, "/tasks/{id}/complete", "task.work", c.complete)
	do(c, "/tasks/{id}/reject", "task.work", c.reject)
}

// tickedTasks is what can be done to several tasks at once.
func tickedTasks() ticked {
	return ticked{Things: "tasks", Address: "/tasks/bulk", Actions: []tickedAction{
		{Action: ops.BulkClaimTasks, Text: "Claim"},
		{Action: ops.BulkCompleteTasks, Text: "Complete", Why: "Those that ask for no more than a yes. A task that has another outcome, or fields that must be filled in, is refused.", Fields: []tickedField{
			{Name: "outcome", Label: "Outcome, if it is not the only one"},
			{Name: "comment", Label: "Comment", Long: true},
		}},
		{Action: ops.BulkRejectTasks, Text: "Reject", Danger: true, Fields: []tickedField{{Name: "comment", Label: "Why", Required: true, Long: true}}},
	}}
}

// taskStatuses lists the statuses of a task.
func taskStatuses() []ops.TaskStatus {
	return []ops.TaskStatus{ops.TaskOpen, ops.TaskClaimed, ops.TaskCompleted, ops.TaskRejected, ops.TaskExpired, ops.TaskCancelled}
}

func (c *Console) taskList(q *request) (taskList, error) {
	status, chosenStatus := choose(q, "Status", "status", "To be done", taskStatuses())
	kind, chosenKind := choose(q, "Kind", "kind", "Any kind", []ops.StepKind{ops.StepManual, ops.StepApproval, ops.StepQualityCheck, ops.StepAssignment})
	v := taskList{
		Filters: []filter{status, kind}, Subject: q.field("subject"), Team: q.field("team"), Assignee: strings.TrimSpace(q.field("assignee")), Decided: chosenStatus.Decided() && chosenStatus != "",
		Ticked: tickedTasks().For(q),
	}
	if q.Actor.OnlyVendor() {
		return c.ownOffers(q, v, chosenStatus)
	}
	v.Mine = v.Team == ""
	subject, err := subjectField(v.Subject)
	if err != nil {
		return v, err
	}
	f := ops.TaskFilter{Status: chosenStatus, Kind: chosenKind, Subject: subject, Assignee: v.Assignee, PageRequest: pageRequest(q)}
	v.Tabs = append(v.Tabs, tab{Text: "Mine", URL: "/tasks", Current: v.Mine})
	if v.Mine {
		f.Assignee = q.Actor.ID
	}
	for _, team := range ops.Teams() {
		current := v.Team == string(team)
		v.Tabs = append(v.Tabs, tab{Text: words(team), URL: "/tasks?team=" + query(string(team)), Current: current})
		if current {
			f.Team = team
		}
	}
	v.Tabs = append(v.Tabs, tab{Text: "All", URL: "/tasks?team=all", Current: v.Team == "all"})
	if f.Team == "" && f.Assignee == "" && f.Kind == "" && subject.IsZero() && !v.Decided {
		return c.everyTeams(q, v, chosenStatus)
	}
	p, err := c.Store.Tasks(q.Context(), f)
	if err != nil {
		return v, fmt.Errorf("list tasks: %w", err)
	}
	v.Items, v.Pager = p.Items, pages(q, p, "tasks")
	return v, nil
}

// ownOffers lists a vendor's offers, and nothing else.
func (c *Console) ownOffers(q *request, v taskList, status ops.TaskStatus) (taskList, error) {
	v.Mine, v.Offers, v.Team, v.Ticked = true, true, "", ticked{}
	p, err := c.Store.Tasks(q.Context(), ops.TaskFilter{Assignee: q.Actor.ID, Status: status, PageRequest: pageRequest(q)})
	if err != nil {
		return v, fmt.Errorf("list offers: %w", err)
	}
	for _, t := range p.Items { // a member of the house may have the same id
		if t.Kind == ops.StepAssignment {
			v.Items = append(v.Items, httpapi.SeenBy(q.Actor, t))
		}
	}
	p.Count.Value -= len(p.Items) - len(v.Items)
	v.Pager = pages(q, p, "offers")
	return v, nil
}

// everyTeams lists the most urgent tasks of all teams' queues: each is in the order of urgency, not all of them together.
func (c *Console) everyTeams(q *request, v taskList, status ops.TaskStatus) (taskList, error) {
	all, exact, err := c.mostUrgent(q.Context(), ops.Teams(), status, ops.MaxPageLimit)
	if err != nil {
		return v, err
	}
	v.Items, v.Pager.Count = all, strconv.Itoa(len(all))+" "+plural(len(all), "tasks")
	if !exact {
		v.Pager.Count = "the most urgent " + v.Pager.Count + "; each team's own list has all of its"
	}
	return v, nil
}
