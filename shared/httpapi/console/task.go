package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/task/form"
)

// taskView is the view of one task.
type taskView struct {
	*ops.Task
	Workflow *ops.Instance
	Fields   []formField
	Answers  []contextField
	Buttons  []taskButton // the outcomes; none when the visitor may not decide
	Mine     bool
	Claims   bool           // the visitor may take it on
	Releases bool           // the visitor may give it back
	WhyNot   string         // why the visitor may not decide it
	Said     string         // the comment, when the form is shown again
	Late     []contextField // what was sent after somebody else had decided it
	Error    string
	Faults   []ops.Fault // those that belong to no field
}

// taskButton decides a task.
type taskButton struct{ Outcome, Text string }

var taskPage = page{path: "/tasks/{id}", action: "task.read", section: "Tasks", file: "task"}

func (c *Console) task(q *request) (taskView, error) {
	t, err := c.Store.Task(q.Context(), q.PathValue("id"))
	if err != nil {
		return taskView{}, fmt.Errorf("read task: %w", err)
	}
	if q.Actor.OnlyVendor() && (t.Offer == nil || !t.Offer.Asked(q.Actor.ID)) {
		return taskView{}, ops.Errorf(ops.CodeNotFound, "there is no task %s", t.ID)
	}
	v := taskView{Task: httpapi.SeenBy(q.Actor, t.Masked()), Mine: t.Assignee == q.Actor.ID}
	t = v.Task
	v.Workflow, err = c.Store.Instance(q.Context(), t.InstanceID)
	if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
		return v, fmt.Errorf("read the workflow of task %s: %w", t.ID, err)
	}
	if v.Fields, err = formFields(t.Form); err != nil {
		return v, fmt.Errorf("read the form of task %s: %w", t.ID, err)
	}
	if err := c.offerVendors(q, v); err != nil {
		return v, err
	}
	if v.Answers, err = members(t.Answers); err != nil {
		return v, fmt.Errorf("read the answers of task %s: %w", t.ID, err)
	}
	if q.Actor.OnlyVendor() {
		v.Workflow = nil // it is not theirs to see
	}
	v.Claims = t.Status == ops.TaskOpen && q.Actor.In(t.Team) && t.Offer == nil
	v.Releases = t.Offer == nil && t.Status == ops.TaskClaimed && (v.Mine || q.Actor.In(ops.Admin))
	v.WhyNot = whyNot(t, v.Workflow, q.Actor)
	if v.WhyNot == "" && !t.Status.Decided() {
		outcomes := t.Outcomes
		if t.Offer != nil {
			outcomes = []string{ops.OutcomeAccepted}
		}
		for _, o := range outcomes {
			v.Buttons = append(v.Buttons, taskButton{o, verb(o)})
		}
	}
	return v, nil
}

// whyNot says what keeps somebody from deciding a task; the task service has the last word.
func whyNot(t *ops.Task, i *ops.Instance, actor ops.Actor) string {
	switch {
	case t.Status.Decided():
		return ""
	case t.Offer != nil && actor.OnlyVendor() && t.Assignee != actor.ID:
		return "You have answered this offer, or its time is over."
	case t.Offer != nil && (actor.OnlyVendor() || actor.In(ops.Operations)):
		return ""
	case !actor.In(t.Team):
		return "This task is for " + words(t.Team) + "."
	case t.AskedFor(actor.ID):
		return "You started this workflow: somebody else must approve it."
	case t.Kind == ops.StepApproval && slices.Contains(t.EditedBy, actor.ID):
		return "You changed what this workflow works on: somebody else must approve it."
	case t.Status == ops.TaskClaimed && t.Assignee != actor.ID && !actor.In(ops.Admin):
		return t.Assignee + " has claimed this task."
	case i != nil && i.Status == ops.InstancePaused:
		return "Its workflow is paused."
	}
	return ""
}

// verb is what a button calls an outcome.
func verb(outcome string) string {
	switch outcome {
	case task.Approved:
		return "Approve"
	case task.Done:
		return "Complete"
	case ops.OutcomeAccepted:
		return "Accept the booking"
	}
	return words(outcome)
}

func (c *Console) claim(q *request) (outcome, error) {
	t, err := c.Tasks.Claim(q.Context(), q.PathValue("id"), q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("claim task: %w", err)
	}
	return outcome{to: "/tasks/" + t.ID, said: "The task is yours."}, nil
}

func (c *Console) release(q *request) (outcome, error) {
	t, err := c.Tasks.Release(q.Context(), q.PathValue("id"), q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("release task: %w", err)
	}
	return outcome{to: "/tasks/" + t.ID, said: "The task is open to its team again."}, nil
}

func (c *Console) complete(q *request) (outcome, error) {
	v, err := c.task(q)
	if err != nil {
		return outcome{}, err
	}
	answers, err := readForm(q, v.Fields)
	if err != nil {
		return outcome{}, err
	}
	d := task.Decision{Outcome: q.field("outcome"), Form: answers, Comment: strings.TrimSpace(q.field("comment"))}
	t, err := c.Tasks.Complete(q.Context(), v.ID, q.Actor, d)
	if ops.ErrorCode(err) == ops.CodeInvalid {
		v.Said = q.field("comment")
		v.blame(err)
		return outcome{}, &invalidForm{page: taskPage, view: v, err: err}
	}
	if late := c.late(q, v, err); late != nil {
		return outcome{}, late
	}
	if err != nil {
		return outcome{}, fmt.Errorf("complete task: %w", err)
	}
	return decided(t), nil
}

// late shows a task that can't be decided any more with what somebody has written for it; nil when that is not so.
func (c *Console) late(q *request, v taskView, err error) error {
	if code := ops.ErrorCode(err); code != ops.CodeAlreadyDecided && code != ops.CodeGone && code != ops.CodeConflict {
		return nil
	}
	var written []contextField
	for _, f := range v.Fields {
		if f.Value != "" {
			written = append(written, contextField{f.Label, quoted(f.Value)})
		}
	}
	if said := strings.TrimSpace(q.field("comment")); said != "" {
		written = append(written, contextField{"Comment", quoted(said)})
	}
	now, failed := c.task(q)
	if failed != nil {
		return failed
	}
	now.Late, now.Error = written, c.words(q, err)
	return &invalidForm{page: taskPage, view: now, err: err}
}

func quoted(text string) json.RawMessage {
	raw, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return raw
}

// blame puts each fault to the field that it is about.
func (v *taskView) blame(err error) {
	e, ok := errors.AsType[*ops.Error](err)
	if !ok {
		return
	}
	wrong := 0
	for _, f := range e.Faults {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Path, "$.form."), ".")
		at := slices.IndexFunc(v.Fields, func(field formField) bool { return field.Name == name })
		if at < 0 {
			v.Faults = append(v.Faults, f)
			continue
		}
		v.Fields[at].Fault = v.Fields[at].blame(f)
		wrong++
	}
	v.Error = "The form can't be sent like this."
	if wrong == 1 {
		v.Error = "One field is not right yet."
	} else if wrong > 1 {
		v.Error = strconv.Itoa(wrong) + " fields are not right yet."
	}
}

// blame says in words what is wrong with a field.
func (f formField) blame(fault ops.Fault) string {
	said := strings.TrimPrefix(fault.Expected, "as its form says: ")
	if fault.Expected == form.Needed {
		return f.Label + " is needed."
	}
	if _, want, ok := strings.Cut(said, ", want "); ok && strings.HasPrefix(said, "got ") {
		return f.Label + " must be " + article(want) + "."
	}
	return sentence(f.Label + ": " + said)
}

// article is a type of JSON with its article.
func article(kind string) string {
	if strings.ContainsAny(kind[:1], "aeiou") {
		return "an " + kind
	}
	return "a " + kind
}

func (c *Console) reject(q *request) (outcome, error) {
	comment := strings.TrimSpace(q.field("comment"))
	if comment == "" && q.field("offer") == "" { // who declines an offer need not say why
		return outcome{}, ops.Errorf(ops.CodeInvalid, "say in the comment why you reject it")
	}
	t, err := c.Tasks.Reject(q.Context(), q.PathValue("id"), q.Actor, comment)
	if late := c.late(q, taskView{}, err); late != nil {
		return outcome{}, late
	}
	if err != nil {
		return outcome{}, fmt.Errorf("reject task: %w", err)
	}
	return decided(t), nil
}

// decided tells what became of a decision: with a quorum it may be one voice of several.
func decided(t *ops.Task) outcome {
	said := "Your decision is recorded; more people must decide."
	if t.Offer != nil {
		return outcome{to: tasksPage.path, said: "Your answer is recorded."}
	}
	if t.Status.Decided() {
		said = t.Title + ": " + words(t.Outcome) + "."
	}
	return outcome{to: "/tasks/" + t.ID, said: said}
}
