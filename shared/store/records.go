package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// Rule implements ops.RuleStore.
func (s *Store) Rule(ctx context.Context, id string) (*ops.Rule, error) {
	return get[ops.Rule](ctx, s, ops.Ref{Kind: ops.KindRule, ID: id})
}

// Rules implements ops.RuleStore.
func (s *Store) Rules(ctx context.Context) ([]*ops.Rule, error) {
	return readAll[ops.Rule](ctx, s, string(ops.KindRule))
}

// RuleSet implements ops.RuleStore.
func (s *Store) RuleSet(ctx context.Context) (*ops.RuleSet, error) {
	set := &ops.RuleSet{}
	stored, found, err := read[ops.RuleSet](ctx, s, keyOf(set))
	if err != nil {
		return nil, fmt.Errorf("read the rule set: %w", err)
	}
	if found {
		set = stored
	}
	return set, nil
}

// Watches implements ops.WatchStore.
func (s *Store) Watches(ctx context.Context) (*ops.Watches, error) {
	empty := &ops.Watches{}
	stored, found, err := read[ops.Watches](ctx, s, keyOf(empty))
	if err != nil {
		return nil, fmt.Errorf("read what is watched: %w", err)
	}
	if !found {
		return empty, nil
	}
	return stored, nil
}

// RuleVersions implements ops.RuleVersionStore.
func (s *Store) RuleVersions(ctx context.Context, ruleID string) ([]*ops.RuleVersion, error) {
	if !possible(table.Key{PK: versionsPartition(ruleID), SK: onlySK}) {
		return nil, nil
	}
	return readAll[ops.RuleVersion](ctx, s, versionsPartition(ruleID))
}

// Waiters implements ops.WaiterStore.
func (s *Store) Waiters(ctx context.Context, event ops.EventType, key string) ([]*ops.Waiter, error) {
	return readAll[ops.Waiter](ctx, s, waitersPartition(event, key))
}

// RuleTally implements ops.RuleTallyStore.
func (s *Store) RuleTally(ctx context.Context) (*ops.RuleTally, error) {
	empty := &ops.RuleTally{}
	stored, found, err := read[ops.RuleTally](ctx, s, keyOf(empty))
	if err != nil {
		return nil, fmt.Errorf("read the tally of rules: %w", err)
	}
	if !found {
		return empty, nil
	}
	return stored, nil
}

// Template implements ops.TemplateStore.
func (s *Store) Template(ctx context.Context, name string, version int) (*ops.Template, error) {
	return get[ops.Template](ctx, s, ops.Ref{Kind: ops.KindTemplate, ID: ops.TemplateID(name, version)})
}

// Templates implements ops.TemplateStore.
func (s *Store) Templates(ctx context.Context) ([]*ops.Template, error) {
	all, err := readAll[ops.Template](ctx, s, string(ops.KindTemplate))
	slices.SortFunc(all, func(a, b *ops.Template) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return b.Version - a.Version
	})
	return all, err
}

// CurrentTemplate implements ops.TemplateStore.
func (s *Store) CurrentTemplate(ctx context.Context, name string) (*ops.CurrentTemplate, error) {
	none := &ops.CurrentTemplate{Template: name}
	stored, found, err := read[ops.CurrentTemplate](ctx, s, keyOf(none))
	if err != nil {
		return nil, fmt.Errorf("read which version of template %s starts: %w", name, err)
	}
	if !found {
		return none, nil
	}
	return stored, nil
}

// Durations implements ops.DurationStore.
func (s *Store) Durations(ctx context.Context, template string) (*ops.Durations, error) {
	empty := &ops.Durations{Template: template}
	stored, found, err := read[ops.Durations](ctx, s, keyOf(empty))
	if err != nil {
		return nil, fmt.Errorf("read how long the steps of %s took: %w", template, err)
	}
	if !found {
		return empty, nil
	}
	return stored, nil
}

// Subject implements ops.SubjectStore.
func (s *Store) Subject(ctx context.Context, ref ops.SubjectRef) (*ops.Subject, error) {
	empty := &ops.Subject{SubjectRef: ref}
	stored, found, err := read[ops.Subject](ctx, s, keyOf(empty))
	if err != nil {
		return nil, fmt.Errorf("read subject %s: %w", ref, err)
	}
	if !found {
		return empty, nil
	}
	return stored, nil
}

// Cooldown implements ops.CooldownStore.
func (s *Store) Cooldown(ctx context.Context, id string) (*ops.Cooldown, error) {
	c, _, err := read[ops.Cooldown](ctx, s, keyOfRef(ops.Ref{Kind: ops.KindCooldown, ID: id}))
	if err != nil {
		return nil, fmt.Errorf("read cooldown %s: %w", id, err)
	}
	return c, nil
}

// Count implements ops.CounterStore.
func (s *Store) Count(ctx context.Context, id string) (int64, error) {
	item, found, err := s.table.Get(ctx, keyOfRef(ops.Ref{Kind: ops.KindCounter, ID: id}))
	if err != nil {
		return 0, fmt.Errorf("read counter %s: %w", id, inWords(err))
	}
	if !found {
		return 0, nil
	}
	var data struct {
		Value int64 `json:"value"`
	}
	if err := json.Unmarshal(item.Data, &data); err != nil {
		return 0, fmt.Errorf("read counter %s: %w", id, err)
	}
	return data.Value, nil
}

// Evidence implements ops.EvidenceStore.
func (s *Store) Evidence(ctx context.Context, id string) (*ops.Evidence, error) {
	e, found, err := read[ops.Evidence](ctx, s, keyOfRef(ops.Ref{Kind: ops.KindEvidence, ID: id}))
	if err != nil {
		return nil, fmt.Errorf("read the evidence %s: %w", id, err)
	}
	if !found {
		return &ops.Evidence{ID: id}, nil
	}
	return e, nil
}

// Tally implements ops.EvidenceStore.
func (s *Store) Tally(ctx context.Context, vendorID string) (*ops.Tally, error) {
	t, found, err := read[ops.Tally](ctx, s, keyOfRef(ops.Ref{Kind: ops.KindTally, ID: vendorID}))
	if err != nil {
		return nil, fmt.Errorf("read the tally of vendor %s: %w", vendorID, err)
	}
	if !found {
		return &ops.Tally{VendorID: vendorID}, nil
	}
	return t, nil
}

// Metric implements ops.EvidenceStore.
func (s *Store) Metric(ctx context.Context, id string) (*ops.Metric, error) {
	return get[ops.Metric](ctx, s, ops.Ref{Kind: ops.KindMetric, ID: id})
}

// Assignment implements ops.AssignmentStore.
func (s *Store) Assignment(ctx context.Context, bookingID string) (*ops.Assignment, error) {
	a, _, err := read[ops.Assignment](ctx, s, keyOfRef(ops.Ref{Kind: ops.KindAssignment, ID: bookingID}))
	if err != nil {
		return nil, fmt.Errorf("read the assignment of booking %s: %w", bookingID, err)
	}
	return a, nil
}

// Notification implements ops.NotificationStore.
func (s *Store) Notification(ctx context.Context, id string) (*ops.Notification, error) {
	return get[ops.Notification](ctx, s, ops.Ref{Kind: ops.KindNotification, ID: id})
}

// Notifications implements ops.NotificationStore.
func (s *Store) Notifications(ctx context.Context, f ops.NotificationFilter) (ops.Page[*ops.Notification], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	l := newest("notifications", ops.KindNotification, f)
	rest := f // what the index does not see to
	switch {
	case !f.Subject.IsZero():
		rest.Subject = ops.SubjectRef{}
		l.index, l.partitions, l.prefix = subjectIndex, []string{f.Subject.String()}, "notification#"
	case f.Status == ops.NotificationFailed:
		rest.Status = ""
		l.index, l.partitions = stateIndex, sharded("notification#failed")
	}
	var keep func(*ops.Notification) bool
	if rest != (ops.NotificationFilter{}) {
		keep = func(n *ops.Notification) bool { return n.Status == rest.Status }
	}
	return page(ctx, s, l, req, keep)
}

// KeyedRequest implements ops.KeyedRequestStore.
func (s *Store) KeyedRequest(ctx context.Context, id string) (*ops.KeyedRequest, error) {
	return get[ops.KeyedRequest](ctx, s, ops.Ref{Kind: ops.KindRequest, ID: id})
}

// Vendor implements ops.VendorStore.
func (s *Store) Vendor(ctx context.Context, id string) (*ops.Vendor, error) {
	return get[ops.Vendor](ctx, s, ops.Ref{Kind: ops.KindVendor, ID: id})
}

// Vendors implements ops.VendorStore.
func (s *Store) Vendors(ctx context.Context, f ops.VendorFilter) (ops.Page[*ops.Vendor], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	var keep func(*ops.Vendor) bool
	if f != (ops.VendorFilter{}) {
		keep = func(v *ops.Vendor) bool {
			return (f.Active == nil || v.Active == *f.Active) && (f.Category == "" || slices.Contains(v.Categories, f.Category)) &&
				(f.Area == "" || slices.Contains(v.Areas, f.Area))
		}
	}
	return page(ctx, s, newest("vendors", ops.KindVendor, f), req, keep)
}

// AllVendors implements ops.VendorStore.
func (s *Store) AllVendors(ctx context.Context) ([]*ops.Vendor, error) {
	return readAll[ops.Vendor](ctx, s, string(ops.KindVendor))
}

// Metrics implements ops.MetricStore.
func (s *Store) Metrics(ctx context.Context, f ops.MetricFilter) (ops.Page[*ops.Metric], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	var keep func(*ops.Metric) bool
	if f.Type != "" || f.Period != "" {
		keep = func(m *ops.Metric) bool {
			return (f.Type == "" || m.Type == f.Type) && (f.Period == "" || m.Period() == f.Period)
		}
	}
	return page(ctx, s, list{
		name: "metrics", filter: f, index: subjectIndex, prefix: "metric#", descending: true,
		partitions: []string{ops.SubjectRef{Type: "vendor", ID: f.VendorID}.String()},
	}, req, keep)
}

// newest is the list of all records of a kind, newest first.
func newest(name string, kind ops.Kind, filter any) list {
	return list{name: name, filter: filter, index: listIndex, partitions: sharded(string(kind)), descending: true}
}

// Due implements ops.Waker.
func (s *Store) Due(ctx context.Context, shard int, now time.Time, limit int) ([]ops.Ref, error) {
	var due []ops.Ref
	// Sort keys begin with the time and "#"; "$" is the next character.
	q := table.Query{Index: wakeIndex, PK: "wake#" + strconv.Itoa(shard), To: stamp(now) + "$"}
	for len(due) < limit {
		q.Limit = min(limit-len(due), 1000)
		p, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list what is due in shard %d: %w", shard, inWords(err))
		}
		for _, item := range p.Items {
			if ref, ok := wokenRef(item.Index[wakeIndex]); ok {
				due = append(due, ref)
			}
		}
		if p.Next == nil {
			break
		}
		q.After = p.Next
	}
	return due, nil
}
