package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// auditView is the view of the audit: everything, or what was done to one record.
type auditView struct {
	Target string // as kind/id; empty: everything
	Actor  string // the id of who made the changes; empty: anybody
	Items  []*ops.AuditEntry
	Pager  pager
	Broken string // of one record: which entry was altered or is missing; empty: the chain verifies
}

func (c *Console) auditPages() {
	show(c, page{path: "/audit", action: "audit.read", section: "Audit", file: "audit"}, c.audit)
}

func (c *Console) audit(q *request) (auditView, error) {
	v := auditView{Target: strings.TrimSpace(q.field("target")), Actor: strings.TrimSpace(q.field("actor"))}
	target, err := targetField(v.Target)
	if err != nil {
		return v, err
	}
	if v.Target == "" || v.Actor != "" {
		p, err := c.Store.AuditTrail(q.Context(), ops.AuditFilter{Target: target, Actor: v.Actor, PageRequest: pageRequest(q)})
		if err != nil {
			return v, fmt.Errorf("list audit entries: %w", err)
		}
		v.Items, v.Pager = p.Items, pages(q, p, "entries")
		return v, nil
	}
	if v.Items, err = audit.Trail(q.Context(), c.Store, target); err != nil {
		return v, err
	}
	if fault := ops.VerifyTrail(v.Items); fault != nil {
		v.Broken = sentence(fault.Error())
	}
	newestFirst(v.Items)
	v.Pager.Count = fmt.Sprintf("%d %s", len(v.Items), plural(len(v.Items), "entries"))
	return v, nil
}

// targetField reads "kind/id"; people call instances workflows.
func targetField(text string) (ops.Ref, error) {
	if text == "" {
		return ops.Ref{}, nil
	}
	kind, id, _ := strings.Cut(text, "/")
	if kind == "workflow" {
		kind = string(ops.KindInstance)
	}
	if id == "" || !ops.ValidID(kind) {
		return ops.Ref{}, ops.Invalid("filter", []ops.Fault{{Path: "target", Expected: "kind/id, like alert/alr-1 or rule/quality-check", Got: text}})
	}
	return ops.Ref{Kind: ops.Kind(kind), ID: id}, nil
}

func newestFirst(entries []*ops.AuditEntry) { slices.Reverse(entries) }

// targetText is what people call a record.
func targetText(r ops.Ref) string {
	kind := string(r.Kind)
	if r.Kind == ops.KindInstance {
		kind = "workflow"
	}
	return kind + "/" + r.ID
}

// targetURL is the page of a record; empty when it has none.
func targetURL(r ops.Ref) string {
	switch r.Kind {
	case ops.KindInstance:
		return "/workflows/" + r.ID
	case ops.KindTask, ops.KindAlert, ops.KindRule, ops.KindEvent, ops.KindVendor, ops.KindMember:
		return "/" + string(r.Kind) + "s/" + r.ID
	case ops.KindBulk:
		return "/bulk/" + r.ID
	case ops.KindNotification:
		return "/delivery/" + r.ID
	case ops.KindUndelivered:
		return "/delivery/undelivered/" + r.ID
	case ops.KindRuleSet:
		return "/rules"
	case ops.KindTemplate:
		name, version, _ := strings.Cut(r.ID, "@")
		return "/templates/" + name + "/versions/" + version
	default:
		return ""
	}
}

// difference is a member of a record that a change changed.
type difference struct {
	Name          string
	Before, After string // empty: it was not there
}

// differences lists what an entry says was changed, by name.
func differences(e *ops.AuditEntry) []difference {
	var before, after map[string]json.RawMessage
	// What is no object was written by nobody of ours: it shows nothing.
	_ = json.Unmarshal(e.Before, &before) //nolint:errcheck // see above
	_ = json.Unmarshal(e.After, &after)   //nolint:errcheck // see above
	var names []string
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var list []difference
	for _, name := range names {
		if name == "version" || name == "updated_at" {
			continue
		}
		list = append(list, difference{Name: name, Before: plain(before[name]), After: plain(after[name])})
	}
	return list
}
