package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/bulk"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// ticked is what can be done to the ticked rows of a list. Its form is shown again, with what was ticked and entered, when
// something is wrong with it.
type ticked struct {
	Things  string // "alerts"
	Address string // that it is sent to
	Actions []tickedAction
	IDs     []string // that were ticked
	Error   string
}

// tickedAction is one thing that can be done to ticked rows.
type tickedAction struct {
	Action  ops.BulkAction
	Text    string
	Why     string // what it does, for people; only with fields
	Fields  []tickedField
	Primary bool
	Danger  bool
	Open    bool // its fields show
}

// tickedField is a parameter of an action.
type tickedField struct {
	Name, Label string
	Required    bool
	Long        bool
	Value       string // what was entered, or what it has when nothing is
	Fixed       bool   // it is always Value
	Fault       string
}

// ID is what the page calls the action's fields.
func (a tickedAction) ID() string { return "bulk-" + strings.ReplaceAll(string(a.Action), ".", "-") }

// Key tells the fields of several actions on one page apart.
func (a tickedAction) Key(f tickedField) string { return string(a.Action) + ":" + f.Name }

// Has reports whether a row was ticked.
func (t ticked) Has(id string) bool { return slices.Contains(t.IDs, id) }

// For keeps the actions that the visitor may do.
func (t ticked) For(q *request) ticked {
	t.Actions = slices.DeleteFunc(slices.Clone(t.Actions), func(a tickedAction) bool {
		return httpapi.AuthorizeBulk(q.Actor, a.Action) != nil
	})
	if q.URL.RawQuery != "" {
		t.Address += "?" + q.URL.RawQuery // so that the same rows show when it is shown again
	}
	return t
}

// doTicked registers the form of a list's ticked rows: a POST to the list's path and "/bulk". What became of each row is told
// on the operation's page.
func doTicked[V any](c *Console, p page, all ticked, view func(*request) (V, error), with func(*V, ticked)) {
	do(c, p.path+"/bulk", p.action, func(q *request) (outcome, error) {
		if asked := q.PostForm.Get("action"); asked != "" {
			if err := httpapi.AuthorizeBulk(q.Actor, ops.BulkAction(asked)); err != nil {
				return outcome{}, err
			}
		}
		t, r, err := readTicked(q, all.For(q))
		var b *ops.Bulk
		if err == nil {
			b, err = c.Bulk.Begin(q.Context(), r, q.Actor)
		}
		if ops.ErrorCode(err) != ops.CodeInvalid {
			if err != nil {
				return outcome{}, fmt.Errorf("begin bulk operation: %w", err)
			}
			return outcome{to: "/bulk/" + b.ID}, nil
		}
		if t.Error == "" {
			t.Error = c.words(q, err)
		}
		list := *q
		list.Request = q.Clone(q.Context())
		list.URL.Path = p.path
		v, failed := view(&list)
		if failed != nil {
			return outcome{}, failed
		}
		with(&v, t)
		return outcome{}, &invalidForm{page: p, view: v, err: err}
	})
}

// readTicked makes a bulk operation of what was sent. A form that was sent by Enter names no action: it is the one whose
// fields were filled in, if there is one.
func readTicked(q *request, t ticked) (ticked, bulk.Request, error) {
	t.IDs = q.PostForm["id"]
	chosen := -1
	for i := range t.Actions {
		a := &t.Actions[i]
		a.Fields = slices.Clone(a.Fields)
		for j := range a.Fields {
			f := &a.Fields[j]
			if sent := strings.TrimSpace(q.PostForm.Get(a.Key(*f))); sent != "" && !f.Fixed {
				f.Value, a.Open = sent, true
			}
		}
		if string(a.Action) == q.PostForm.Get("action") || q.PostForm.Get("action") == "" && a.Open && chosen < 0 {
			chosen = i
		}
	}
	if chosen < 0 {
		t.Error = "Choose what to do with the " + t.Things + "."
		return t, bulk.Request{}, ops.Errorf(ops.CodeInvalid, "no action")
	}
	a := &t.Actions[chosen]
	params := map[string]string{}
	for i := range a.Fields {
		f := &a.Fields[i]
		if f.Value != "" {
			params[f.Name] = f.Value
		}
		if f.Required && f.Value == "" {
			a.Open, f.Fault = true, f.Label+" is needed."
			t.Error = "Nothing was done yet: " + strings.ToLower(f.Label) + " is missing."
		}
	}
	if len(t.IDs) == 0 {
		t.Error = "Tick at least one of the " + t.Things + "."
	}
	if t.Error != "" {
		return t, bulk.Request{}, ops.Errorf(ops.CodeInvalid, "%s", t.Error)
	}
	r := bulk.Request{Action: a.Action, IDs: t.IDs}
	if len(params) > 0 {
		var err error
		if r.Params, err = json.Marshal(params); err != nil {
			return t, r, fmt.Errorf("write the parameters: %w", err)
		}
	}
	return t, r, nil
}
