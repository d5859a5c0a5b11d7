package bulk

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// alerts is the filter as the list of alerts has it. CodeInvalid names what is unknown or not for alerts.
func (f Filter) alerts() (ops.AlertFilter, error) {
	c := &checks{}
	c.noPeriod(f)
	c.absent("team", f.Team)
	c.absent("assignee", f.Assignee)
	c.absent("workflow", f.Workflow)
	c.absent("template", f.Template)
	out := ops.AlertFilter{
		Status:   member(c, "status", f.Status, ops.AlertStatuses()),
		Type:     member(c, "type", f.Type, ops.AlertTypes()),
		Severity: member(c, "severity", f.Severity, ops.Severities()),
	}
	out.Subject = c.subject(f.Subject)
	return out, c.err()
}

// workflows is the filter as the list of workflows has it.
func (f Filter) workflows() (ops.InstanceFilter, error) {
	c := &checks{}
	c.noPeriod(f)
	c.absent("severity", f.Severity)
	c.absent("assignee", f.Assignee)
	c.absent("workflow", f.Workflow)
	out := ops.InstanceFilter{
		Status:   member(c, "status", f.Status, ops.InstanceStatuses()),
		Type:     member(c, "type", f.Type, ops.WorkflowTypes()),
		Template: f.Template, Team: c.team(f.Team), Subject: c.subject(f.Subject),
	}
	return out, c.err()
}

// tasks is the filter as the list of tasks has it.
func (f Filter) tasks() (ops.TaskFilter, error) {
	c := &checks{}
	c.noPeriod(f)
	c.absent("type", f.Type)
	c.absent("severity", f.Severity)
	c.absent("subject", f.Subject)
	c.absent("template", f.Template)
	out := ops.TaskFilter{
		Status: member(c, "status", f.Status, []ops.TaskStatus{
			ops.TaskOpen, ops.TaskClaimed, ops.TaskCompleted, ops.TaskRejected, ops.TaskExpired, ops.TaskCancelled,
		}),
		Assignee: f.Assignee, InstanceID: f.Workflow, Team: c.team(f.Team),
	}
	return out, c.err()
}

// events is the filter as the list of events has it. Without a status it is for those that are valid.
func (f Filter) events() (ops.EventFilter, error) {
	c := &checks{}
	c.absent("severity", f.Severity)
	c.absent("team", f.Team)
	c.absent("assignee", f.Assignee)
	c.absent("workflow", f.Workflow)
	c.absent("template", f.Template)
	out := ops.EventFilter{
		Status: cmp.Or(member(c, "status", f.Status, []ops.EventStatus{ops.EventValid, ops.EventInvalid}), ops.EventValid),
		Type:   f.Type, Subject: c.subject(f.Subject), From: f.From, To: f.To,
	}
	c.require(f.From.IsZero() || f.To.IsZero() || f.From.Before(f.To), "from", "a time before to", f.From.Format(time.RFC3339))
	return out, c.err()
}

// checks gathers the faults of a filter.
type checks struct{ faults []ops.Fault }

func (c *checks) require(ok bool, name, expected, got string) {
	if !ok {
		c.faults = append(c.faults, ops.Fault{Path: "$.filter." + name, Expected: expected, Got: strconv.Quote(got)})
	}
}

// noPeriod refuses a period of records that have none.
func (c *checks) noPeriod(f Filter) {
	for name, at := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !at.IsZero() {
			c.absent(name, at.Format(time.RFC3339))
		}
	}
}

func (c *checks) absent(name, value string) {
	c.require(value == "", name, "absent: the records that the action is for have none", value)
}

func (c *checks) err() error { return ops.Invalid("request", c.faults) }

func (c *checks) team(text string) ops.Team {
	team, ok := ops.ParseTeam(text)
	c.require(text == "" || ok && team != ops.Admin, "team", fmt.Sprint("one of ", ops.Teams()), text)
	return team
}

func (c *checks) subject(text string) ops.SubjectRef {
	if text == "" {
		return ops.SubjectRef{}
	}
	kind, id, _ := strings.Cut(text, "/")
	c.require(ops.ValidID(kind) && ops.ValidID(id), "subject", "type/id, like booking/bk-1", text)
	return ops.SubjectRef{Type: kind, ID: id}
}

// member checks that a value, if there is one, is of a closed set.
func member[T ~string](c *checks, name, value string, all []T) T {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = string(v)
	}
	c.require(value == "" || slices.Contains(all, T(value)), name, "one of "+strings.Join(texts, ", "), value)
	return T(value)
}
