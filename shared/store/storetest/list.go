package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store"
)

// pages reads a list to its end and checks what holds for every list: no page is over the limit, the count grows, and is
// exact at the end.
func pages[T any](t *testing.T, limit int, list func(ops.PageRequest) (ops.Page[T], error), id func(T) string) []string {
	t.Helper()
	ids := []string{}
	req := ops.PageRequest{Limit: limit}
	for range 1000 {
		p, err := list(req)
		if err != nil {
			t.Fatal(err)
		}
		if p.Items == nil || len(p.Items) > limit {
			t.Fatalf("a page of %d items (nil: %v), the limit is %d", len(p.Items), p.Items == nil, limit)
		}
		for _, item := range p.Items {
			ids = append(ids, id(item))
		}
		if p.NextCursor == "" {
			if p.Count != (ops.Count{Value: len(ids), Exact: true}) {
				t.Errorf("the last page counts %+v, want exactly %d", p.Count, len(ids))
			}
			return ids
		}
		req.Cursor = p.NextCursor
	}
	t.Fatal("the list does not end")
	return nil
}

func instanceID(i *ops.Instance) string { return i.ID }
func taskID(i *ops.Task) string         { return i.ID }
func alertID(a *ops.Alert) string       { return a.ID }
func eventID(e *ops.Event) string       { return e.ID }

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func aListGivesEveryRecordOnceNewestFirst(t *testing.T, open Open) {
	b := setup(t, open)
	want := []string{}
	for i := range 57 {
		r := &ops.Instance{ID: fmt.Sprintf("wf-%02d", i), Status: ops.InstanceRunning}
		r.CreatedAt = start.Add(time.Duration(i/3) * time.Second) // some at the same time
		b.save(t, r)
		want = append(want, r.ID)
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 7, 56, 57, 58, 100} {
		got := pages(t, limit, func(p ops.PageRequest) (ops.Page[*ops.Instance], error) {
			return b.Instances(t.Context(), ops.InstanceFilter{PageRequest: p})
		}, instanceID)
		expect(t, fmt.Sprintf("pages of %d", limit), got, want...)
	}
}

func pagesGoOnWhereTheyEndedWhileRecordsAreAdded(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	for i := range 10 {
		r := &ops.Instance{ID: fmt.Sprintf("wf-%02d", i)}
		r.CreatedAt = start.Add(time.Duration(i) * time.Second)
		b.save(t, r)
	}
	first, err := b.Instances(ctx, ops.InstanceFilter{PageRequest: ops.PageRequest{Limit: 4}})
	if err != nil {
		t.Fatal(err)
	}
	newer := &ops.Instance{ID: "wf-99"}
	newer.CreatedAt = start.Add(time.Hour)
	b.save(t, newer)
	second, err := b.Instances(ctx, ops.InstanceFilter{PageRequest: ops.PageRequest{Limit: 4, Cursor: first.NextCursor}})
	if err != nil || len(second.Items) != 4 || second.Items[0].ID != "wf-05" {
		t.Errorf("the second page begins with %s, %v; want wf-05", show(second.Items), err)
	}
	if first.Count != (ops.Count{Value: 5}) || second.Count != (ops.Count{Value: 9}) {
		t.Errorf("counts %+v and %+v, want at least 5 and at least 9", first.Count, second.Count)
	}
}

func aCursorWorksOnlyForItsOwnListAndFilter(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	for i := range 5 {
		b.save(t, &ops.Instance{ID: fmt.Sprintf("wf-%d", i), Status: ops.InstanceRunning, Template: "a"})
	}
	list := func(f ops.InstanceFilter) (ops.Page[*ops.Instance], error) { return b.Instances(ctx, f) }
	one := ops.InstanceFilter{Template: "a", PageRequest: ops.PageRequest{Limit: 2}}
	p, err := list(one)
	if err != nil || p.NextCursor == "" {
		t.Fatal(p, err)
	}
	one.Cursor = p.NextCursor
	if !strings.HasPrefix(one.Cursor, "ey") { // as {" is written: never a hyphen, whatever the secret
		t.Errorf("a command line would take cursor %s for a flag", one.Cursor)
	}
	if _, err := list(one); err != nil {
		t.Errorf("its own cursor: %v", err)
	}
	// Another process, with the same table, takes it too.
	if _, err := store.New(b.table, seeded(2), b.clock.Now).Instances(ctx, one); err != nil {
		t.Errorf("its own cursor in another process: %v", err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if ops.ErrorCode(err) != ops.CodeInvalid || !strings.Contains(err.Error(), "cursor must be") {
			t.Errorf("%s gave %v, want invalid with path cursor", what, err)
		}
	}
	other := one
	other.Template = "b"
	_, err = list(other)
	refused("another filter", err)
	_, err = b.Tasks(ctx, ops.TaskFilter{PageRequest: one.PageRequest})
	refused("another list", err)
	_, err = b.Events(ctx, ops.EventFilter{PageRequest: one.PageRequest})
	refused("another list", err)
	stranger := setup(t, open)
	_, err = store.New(stranger.table, seeded(9), b.clock.Now).Instances(ctx, one)
	refused("another table", err)
	for i := range len(one.Cursor) {
		forged := one
		forged.Cursor = one.Cursor[:i] + string(one.Cursor[i]^1) + one.Cursor[i+1:]
		_, err = list(forged)
		refused(fmt.Sprintf("character %d changed", i), err)
	}
	forged := one
	forged.Cursor = "x"
	_, err = list(forged)
	refused("nonsense", err)
}

func aLimitOutsideOf1To100IsInvalid(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	for _, limit := range []int{-1, 101} {
		req := ops.PageRequest{Limit: limit}
		_, instances := b.Instances(ctx, ops.InstanceFilter{PageRequest: req})
		_, tasks := b.Tasks(ctx, ops.TaskFilter{InstanceID: "wf-1", PageRequest: req})
		_, events := b.Events(ctx, ops.EventFilter{PageRequest: req})
		for _, err := range []error{instances, tasks, events} {
			if ops.ErrorCode(err) != ops.CodeInvalid || !strings.Contains(err.Error(), "limit must be") {
				t.Errorf("limit %d gave %v, want invalid with path limit", limit, err)
			}
		}
	}
}

func instancesAreFiltered(t *testing.T, open Open) {
	b := setup(t, open)
	booking := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	add := func(id string, i ops.Instance) {
		i.ID, i.CreatedAt = id, b.clock.Now()
		b.clock.advance(time.Second)
		b.save(t, &i)
	}
	add("a", ops.Instance{Status: ops.InstanceRunning, Template: "x", Subject: booking, DueAt: start})
	add("b", ops.Instance{Status: ops.InstanceCompleted, Template: "x", Subject: booking, DueAt: start})
	add("c", ops.Instance{Status: ops.InstanceRunning, Template: "y", Team: ops.Finance, AssignedTo: "ann"})
	add("d", ops.Instance{
		Status: ops.InstanceWaitingApproval, Type: ops.QualityCheck, Subject: ops.SubjectRef{Type: "booking", ID: "bk-10"},
		DueAt: start.Add(time.Hour),
	})
	cases := map[string]struct {
		filter ops.InstanceFilter
		want   []string
	}{
		"all":                {ops.InstanceFilter{}, []string{"d", "c", "b", "a"}},
		"status":             {ops.InstanceFilter{Status: ops.InstanceRunning}, []string{"c", "a"}},
		"subject":            {ops.InstanceFilter{Subject: booking}, []string{"b", "a"}},
		"subject and status": {ops.InstanceFilter{Subject: booking, Status: ops.InstanceRunning}, []string{"a"}},
		"template":           {ops.InstanceFilter{Template: "x"}, []string{"b", "a"}},
		"team":               {ops.InstanceFilter{Team: ops.Finance}, []string{"c"}},
		"assignee":           {ops.InstanceFilter{Assignee: "ann"}, []string{"c"}},
		"type":               {ops.InstanceFilter{Type: ops.QualityCheck}, []string{"d"}},
		"overdue":            {ops.InstanceFilter{Overdue: start.Add(time.Minute)}, []string{"a"}},
		"overdue later":      {ops.InstanceFilter{Overdue: start.Add(2 * time.Hour)}, []string{"d", "a"}},
		"nothing":            {ops.InstanceFilter{Status: "unheard of"}, []string{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := pages(t, 1, func(p ops.PageRequest) (ops.Page[*ops.Instance], error) {
				c.filter.PageRequest = p
				if !c.filter.Overdue.IsZero() {
					c.filter.Overdue = c.filter.Overdue.Add(time.Second) // as callers do who ask with the present time
				}
				return b.Instances(t.Context(), c.filter)
			}, instanceID)
			expect(t, name, got, c.want...)
		})
	}
}

func aListShowsAnInstanceWithoutContextStepsAndHistory(t *testing.T, open Open) {
	b := setup(t, open)
	b.save(t, &ops.Instance{
		ID: "wf-1", Name: "n", Progress: 40, Steps: []ops.StepRecord{{ID: "a"}}, History: []ops.HistoryEntry{{What: "created"}},
		WaitingFor: &ops.WaitingFor{Kind: "task"},
	})
	p, err := b.Instances(t.Context(), ops.InstanceFilter{})
	if err != nil || len(p.Items) != 1 {
		t.Fatal(p, err)
	}
	i := p.Items[0]
	if i.Name != "n" || i.Progress != 40 || i.WaitingFor.Kind != "task" || i.V != 1 || !i.CreatedAt.Equal(start) {
		t.Errorf("the list shows %s", show(i))
	}
	if i.Steps != nil || i.History != nil {
		t.Errorf("the list holds steps or history: %s", show(i))
	}
}

func aFilterThatHardlyAnythingFitsEndsAPageEarlyAndTheListStillEnds(t *testing.T, open Open) {
	b := setup(t, open)
	for from := 0; from < 4500; from += 90 {
		var some []ops.Record
		for i := from; i < from+90; i++ {
			r := &ops.Instance{ID: fmt.Sprintf("wf-%04d", i), Template: "common"}
			r.CreatedAt = start.Add(time.Duration(i) * time.Second)
			if i == 10 || i == 11 {
				r.Template = "rare"
			}
			some = append(some, r)
		}
		if err := b.Save(t.Context(), some...); err != nil {
			t.Fatal(err)
		}
	}
	rounds := 0
	got := pages(t, 20, func(p ops.PageRequest) (ops.Page[*ops.Instance], error) {
		rounds++
		return b.Instances(t.Context(), ops.InstanceFilter{Template: "rare", PageRequest: p})
	}, instanceID)
	expect(t, "rare", got, "wf-0011", "wf-0010")
	if rounds != 3 {
		t.Errorf("it took %d pages, want 3 of at most 2,000 rows", rounds)
	}
}

func eventsAreListedBackOverTheDays(t *testing.T, open Open) {
	b := setup(t, open)
	days := []int{95, 89, 40, 2, 1, 1, 0, 0, 0} // ago
	booking := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	for i, ago := range days {
		e := &ops.Event{ID: fmt.Sprintf("evt-%d", i), Type: "t", Status: ops.EventValid, Detail: raw(`{}`)}
		e.CreatedAt = start.AddDate(0, 0, -ago).Add(time.Duration(i) * time.Second)
		if i%4 == 1 {
			e.Status, e.Faults, e.Type = ops.EventInvalid, []ops.Fault{{Path: "$.x", Expected: "a text"}}, "u"
		}
		if i%2 == 0 {
			e.Subject = booking
		}
		b.save(t, e)
	}
	list := func(f ops.EventFilter) []string {
		return pages(t, 2, func(p ops.PageRequest) (ops.Page[*ops.Event], error) {
			f.PageRequest = p
			return b.Events(t.Context(), f)
		}, eventID)
	}
	expect(t, "all", list(ops.EventFilter{}), "evt-8", "evt-7", "evt-6", "evt-5", "evt-4", "evt-3", "evt-2", "evt-1")
	expect(t, "invalid", list(ops.EventFilter{Status: ops.EventInvalid}), "evt-5", "evt-1")
	expect(t, "valid", list(ops.EventFilter{Status: ops.EventValid}), "evt-8", "evt-7", "evt-6", "evt-4", "evt-3", "evt-2")
	expect(t, "type", list(ops.EventFilter{Type: "u"}), "evt-5", "evt-1")
	expect(t, "type and status", list(ops.EventFilter{Type: "t", Status: ops.EventInvalid}))
	expect(t, "type in a period", list(ops.EventFilter{Type: "t", From: start.AddDate(0, 0, -40), To: start.AddDate(0, 0, -1).Add(5 * time.Second)}), "evt-4", "evt-3", "evt-2")
	whole, err := b.EventsOfType(t.Context(), "t", ops.PageRequest{Limit: 1})
	if err != nil || len(whole.Items) != 1 || string(whole.Items[0].Detail) != `{}` || whole.NextCursor == "" {
		t.Errorf("the events of a type come as %s, %v", show(whole.Items), err)
	}
	expect(t, "subject", list(ops.EventFilter{Subject: booking}), "evt-8", "evt-6", "evt-4", "evt-2", "evt-0")
	at := func(i int) time.Time { return start.AddDate(0, 0, -days[i]).Add(time.Duration(i) * time.Second) }
	expect(t, "from one event to before another", list(ops.EventFilter{From: at(2), To: at(6)}), "evt-5", "evt-4", "evt-3", "evt-2")
	expect(t, "since an event", list(ops.EventFilter{From: at(7)}), "evt-8", "evt-7")
	expect(t, "before an event", list(ops.EventFilter{To: at(3)}), "evt-2", "evt-1")
	expect(t, "of a subject in a period", list(ops.EventFilter{Subject: booking, From: at(2), To: at(6)}), "evt-4", "evt-2")
	expect(t, "invalid since", list(ops.EventFilter{Status: ops.EventInvalid, From: at(2)}), "evt-5")
	p, err := b.Events(t.Context(), ops.EventFilter{Status: ops.EventInvalid})
	if err != nil || len(p.Items[0].Faults) != 1 {
		t.Errorf("the list of invalid events shows %s, %v; want their faults", show(p.Items), err)
	}
}

func tasksStandInTheirQueuesUntilTheyAreDecided(t *testing.T, open Open) {
	b := setup(t, open)
	tasks := map[string]*ops.Task{}
	add := func(id string, team ops.Team, due time.Duration, priority int) {
		r := &ops.Task{ID: id, Team: team, InstanceID: "wf-1", Status: ops.TaskOpen, Priority: priority}
		r.CreatedAt = b.clock.Now()
		b.clock.advance(time.Second)
		if due != 0 {
			r.DueAt = start.Add(due)
		}
		tasks[id] = r
		b.save(t, r)
	}
	add("later", ops.Finance, 5*time.Hour, 1)
	add("never", ops.Finance, 0, 9)
	add("soon", ops.Finance, time.Hour, 1)
	add("important", ops.Finance, 5*time.Hour, 9)
	add("other", ops.Operations, time.Minute, 1)
	list := func(f ops.TaskFilter) []string {
		t.Helper()
		return pages(t, 2, func(p ops.PageRequest) (ops.Page[*ops.Task], error) {
			f.PageRequest = p
			return b.Tasks(t.Context(), f)
		}, taskID)
	}
	finance := ops.TaskFilter{Team: ops.Finance}
	expect(t, "queue", list(finance), "soon", "important", "later", "never")
	expect(t, "all", list(ops.TaskFilter{}), "other", "important", "soon", "never", "later")
	expect(t, "of the instance", list(ops.TaskFilter{InstanceID: "wf-1"}), "other", "important", "soon", "never", "later")

	soon := tasks["soon"]
	soon.Status, soon.Assignee = ops.TaskClaimed, "ann"
	b.save(t, soon)
	expect(t, "queue after a claim", list(finance), "soon", "important", "later", "never")
	expect(t, "open after a claim", list(ops.TaskFilter{Team: ops.Finance, Status: ops.TaskOpen}),
		"important", "later", "never")
	expect(t, "ann's", list(ops.TaskFilter{Assignee: "ann"}), "soon")
	expect(t, "ann's claimed ones", list(ops.TaskFilter{Assignee: "ann", Status: ops.TaskClaimed}), "soon")

	// What is claimed is found by its instance through the instance's steps.
	b.save(t, &ops.Instance{ID: "wf-1", Steps: []ops.StepRecord{{ID: "s", TaskID: "soon"}, {ID: "gone", TaskID: "gone"}}})
	expect(t, "of the instance after a claim", list(ops.TaskFilter{InstanceID: "wf-1", Team: ops.Finance}),
		"important", "soon", "never", "later")

	soon.Status, soon.Outcome = ops.TaskCompleted, "done"
	b.save(t, soon)
	expect(t, "queue after a decision", list(finance), "important", "later", "never")
	expect(t, "ann's after a decision", list(ops.TaskFilter{Assignee: "ann"}))
	expect(t, "completed", list(ops.TaskFilter{Status: ops.TaskCompleted, Assignee: "ann"}), "soon")
}

func alertsOfAStatusComeMostSevereFirst(t *testing.T, open Open) {
	b := setup(t, open)
	vendor := ops.SubjectRef{Type: "vendor", ID: "v-1"}
	for i, severity := range []ops.Severity{"high", "low", "critical", "medium", "high"} {
		a := &ops.Alert{ID: strconv.Itoa(i), Severity: severity, Status: ops.AlertOpen, Type: ops.AlertSystemError}
		a.CreatedAt = start.Add(time.Duration(i) * time.Second)
		if i < 2 {
			a.Subject = vendor
		}
		b.save(t, a)
	}
	list := func(f ops.AlertFilter) []string {
		t.Helper()
		return pages(t, 2, func(p ops.PageRequest) (ops.Page[*ops.Alert], error) {
			f.PageRequest = p
			return b.Alerts(t.Context(), f)
		}, alertID)
	}
	expect(t, "open", list(ops.AlertFilter{Status: ops.AlertOpen}), "2", "4", "0", "3", "1")
	expect(t, "newest", list(ops.AlertFilter{}), "4", "3", "2", "1", "0")
	expect(t, "high", list(ops.AlertFilter{Severity: ops.SeverityHigh}), "4", "0")
	expect(t, "of the vendor", list(ops.AlertFilter{Subject: vendor}), "1", "0")
	expect(t, "open of the vendor", list(ops.AlertFilter{Subject: vendor, Status: ops.AlertOpen}), "0", "1")
	expect(t, "resolved", list(ops.AlertFilter{Status: ops.AlertResolved}))
}

func metricsNotificationsAndVendorsAreListed(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	for i := range 3 {
		b.save(t, &ops.Metric{ID: fmt.Sprint("m-", i), VendorID: "v-1", Value: float64(i)}, &ops.Vendor{ID: fmt.Sprint("v-", i)},
			&ops.Notification{ID: fmt.Sprint("ntf-", i)}, &ops.Metric{ID: fmt.Sprint("x-", i), VendorID: "v-10"})
		b.clock.advance(time.Second)
	}
	expect(t, "metrics", pages(t, 2, func(p ops.PageRequest) (ops.Page[*ops.Metric], error) {
		return b.Metrics(ctx, ops.MetricFilter{VendorID: "v-1", PageRequest: p})
	}, func(m *ops.Metric) string { return m.ID }), "m-2", "m-1", "m-0")
	expect(t, "vendors", pages(t, 2, func(p ops.PageRequest) (ops.Page[*ops.Vendor], error) {
		return b.Vendors(ctx, ops.VendorFilter{PageRequest: p})
	}, func(v *ops.Vendor) string { return v.ID }), "v-2", "v-1", "v-0")
	expect(t, "notifications", pages(t, 2, func(p ops.PageRequest) (ops.Page[*ops.Notification], error) {
		return b.Notifications(ctx, ops.NotificationFilter{PageRequest: p})
	}, func(n *ops.Notification) string { return n.ID }), "ntf-2", "ntf-1", "ntf-0")
}

func theAuditTrailOfATargetHasOnePlaceForEachNumber(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	target := ops.Ref{Kind: ops.KindRule, ID: "r"}
	for i := range 12 {
		b.save(t, &ops.AuditEntry{ID: fmt.Sprintf("aud-%02d", i), Target: target, Seq: int64(i + 1), After: raw(`{"i":1}`)},
			&ops.AuditEntry{ID: fmt.Sprintf("oth-%02d", i), Target: ops.Ref{Kind: ops.KindRule, ID: "s"}, Seq: int64(i + 1)})
		b.clock.advance(time.Second)
	}
	last, err := b.LastAudit(ctx, target)
	if err != nil || last.ID != "aud-11" || last.Seq != 12 {
		t.Errorf("the last entry is %s, %v", show(last), err)
	}
	racer := &ops.AuditEntry{ID: "racer", Target: target, Seq: 12}
	if err := b.Save(ctx, racer); ops.AsConflict(err) == nil || !ops.AsConflict(err).Has(racer.Ref()) {
		t.Errorf("a second entry 12 gave %v, want a conflict", err)
	}
	trail := pages(t, 5, func(p ops.PageRequest) (ops.Page[*ops.AuditEntry], error) {
		page, err := b.AuditTrail(ctx, ops.AuditFilter{Target: target, PageRequest: p})
		for _, e := range page.Items {
			if e.After == nil {
				t.Errorf("entry %s of the trail is not whole", e.ID)
			}
		}
		return page, err
	}, func(e *ops.AuditEntry) string { return e.ID })
	if len(trail) != 12 || trail[0] != "aud-00" || trail[11] != "aud-11" {
		t.Errorf("the trail is %v, want 12 entries, oldest first", trail)
	}
	all := pages(t, 50, func(p ops.PageRequest) (ops.Page[*ops.AuditEntry], error) {
		return b.AuditTrail(ctx, ops.AuditFilter{PageRequest: p})
	}, func(e *ops.AuditEntry) string { return e.ID })
	if len(all) != 24 || all[23] != "aud-00" && all[23] != "oth-00" {
		t.Errorf("everything is %v, want 24 entries, newest first", all)
	}
}

func aChainOfAuditEntriesVerifiesAsItIsReadBack(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	target := ops.Ref{Kind: ops.KindRule, ID: "r"}
	for i := range 3 {
		last, err := b.LastAudit(ctx, target)
		if err != nil {
			t.Fatal(err)
		}
		e := &ops.AuditEntry{
			Target: target, Action: "rule.update", Actor: ops.Actor{ID: "ann", Teams: []ops.Team{ops.Operations}},
			At:     time.Date(2026, 11, 24, 10, 0, i, 123456789, time.FixedZone("", 4*3600)),
			Before: raw(`{"z": 1.50, "a": {"y": null, "b": [1e3, 0.0, -0]}, "text": "<é>"}`), After: raw(`{"z":150E-2,"empty":{},"none":[]}`),
		}
		if err := e.Seal(last); err != nil {
			t.Fatal(err)
		}
		b.save(t, e)
	}
	page, err := b.AuditTrail(ctx, ops.AuditFilter{Target: target})
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("%d entries, %v", len(page.Items), err)
	}
	if err := ops.VerifyTrail(page.Items); err != nil {
		t.Error(err)
	}
	page.Items[1].After = raw(`{"z":1.51,"empty":{},"none":[]}`)
	if ops.VerifyTrail(page.Items) == nil {
		t.Error("an altered entry does not show")
	}
}
