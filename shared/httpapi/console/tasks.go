package console

import (
	"fmt"

	"opsflow/shared/ops"
)

// taskList is the view of the tasks: one's own, or a team's.
type taskList struct {
	Tabs    []tab
	Filters []filter
	Items   []*ops.Task
	Pager   pager
	Mine    bool
}

// tab is a way to look at a list.
type tab struct {
	Text, URL string
	Current   bool
}

func (c *Console) taskPages() {
	show(c, page{path: "/tasks", action: "task.read", section: "Tasks", file: "tasks"}, c.taskList)
	show(c, taskPage, c.task)
	do(c, "/tasks/{id}/claim", "task.work", c.claim)
	do(c, "/tasks/{id}/release", "task.work", c.release)
	do(c, "/tasks/{id}/complete", "task.work", c.complete)
	do(c, "/tasks/{id}/reject", "task.work", c.reject)
}

// taskStatuses lists the statuses of a task.
func taskStatuses() []ops.TaskStatus {
	return []ops.TaskStatus{ops.TaskOpen, ops.TaskClaimed, ops.TaskCompleted, ops.TaskRejected, ops.TaskExpired, ops.TaskCancelled}
}

func (c *Console) taskList(q *request) (taskList, error) {
	status, chosenStatus := choose(q, "Status", "status", "Any status", taskStatuses())
	chosen := q.field("team")
	v := taskList{Filters: []filter{status}, Mine: chosen == ""}
	f := ops.TaskFilter{Status: chosenStatus, PageRequest: pageRequest(q)}
	v.Tabs = append(v.Tabs, tab{Text: "Mine", URL: "/tasks", Current: v.Mine})
	if v.Mine {
		f.Assignee = q.Actor.ID
	}
	for _, team := range ops.Teams() {
		current := chosen == string(team)
		v.Tabs = append(v.Tabs, tab{Text: words(team), URL: "/tasks?team=" + query(string(team)), Current: current})
		if current {
			f.Team = team
		}
	}
	v.Tabs = append(v.Tabs, tab{Text: "All", URL: "/tasks?team=all", Current: chosen == "all"})
	p, err := c.Store.Tasks(q.Context(), f)
	if err != nil {
		return v, fmt.Errorf("list tasks: %w", err)
	}
	v.Items, v.Pager = p.Items, pages(q, p, "tasks")
	return v, nil
}
