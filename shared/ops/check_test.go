package ops_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func paths(faults []ops.Fault) []string {
	var out []string
	for _, f := range faults {
		out = append(out, f.Path)
	}
	return out
}

func TestRecordsThatAreWrongSayWhere(t *testing.T) {
	t.Parallel()
	lat, far := 25.0, 200.0
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	good := struct {
		vendor ops.Vendor
		alert  ops.Alert
		metric ops.Metric
	}{
		ops.Vendor{ID: "v-1", Name: "V", Categories: []string{"cleaning"}, Areas: []string{"Deira"}, Lat: &lat, Lng: &lat, Rating: 5, PriceLevel: 1},
		ops.Alert{
			ID: "alr-1", Type: ops.AlertSystemError, Severity: ops.SeverityLow, Status: ops.AlertOpen, Title: "T", Count: 1,
			Subject: ops.SubjectRef{Type: "booking", ID: "bk-1"},
		},
		ops.Metric{
			ID: "m-1", VendorID: "v-1", Type: ops.Punctuality, Value: 90, MaxValue: 100, Confidence: 0.5, Level: ops.Excellent,
			PeriodStart: now, PeriodEnd: now,
		},
	}
	vendor := func(change func(*ops.Vendor)) []ops.Fault { v := good.vendor; change(&v); return v.Faults() }
	alert := func(change func(*ops.Alert)) []ops.Fault { a := good.alert; change(&a); return a.Faults() }
	metric := func(change func(*ops.Metric)) []ops.Fault { m := good.metric; change(&m); return m.Faults() }
	for name, c := range map[string]struct {
		got  []ops.Fault
		want []string
	}{
		"a vendor in order":      {vendor(func(*ops.Vendor) {}), nil},
		"an alert in order":      {alert(func(*ops.Alert) {}), nil},
		"a metric in order":      {metric(func(*ops.Metric) {}), nil},
		"an empty vendor":        {(&ops.Vendor{}).Faults(), []string{"$.id", "$.name", "$.categories", "$.areas"}},
		"half a place":           {vendor(func(v *ops.Vendor) { v.Lng = nil }), []string{"$.lat"}},
		"a place off the globe":  {vendor(func(v *ops.Vendor) { v.Lat, v.Lng = &far, &far }), []string{"$.lat", "$.lng"}},
		"six stars":              {vendor(func(v *ops.Vendor) { v.Rating = 6 }), []string{"$.rating"}},
		"a rating that is NaN":   {vendor(func(v *ops.Vendor) { v.Rating = math.NaN() }), []string{"$.rating"}},
		"a blackout backwards":   {vendor(func(v *ops.Vendor) { v.Blackouts = []ops.DateRange{{From: now, To: now.Add(-1)}} }), []string{"$.blackouts[0].to"}},
		"an empty alert":         {(&ops.Alert{}).Faults(), []string{"$.id", "$.type", "$.severity", "$.status", "$.title", "$.count"}},
		"an endless title":       {alert(func(a *ops.Alert) { a.Title = strings.Repeat("x", 201) }), []string{"$.title"}},
		"half a subject":         {alert(func(a *ops.Alert) { a.Subject.ID = "" }), []string{"$.subject.id"}},
		"more than the maximum":  {metric(func(m *ops.Metric) { m.Value = 101 }), []string{"$.value"}},
		"a metric of nothing":    {metric(func(m *ops.Metric) { m.MaxValue = 0 }), []string{"$.max_value"}},
		"an unknown metric type": {metric(func(m *ops.Metric) { m.Type = "charm" }), []string{"$.type"}},
	} {
		if got := paths(c.got); !slices.Equal(got, c.want) {
			t.Errorf("%s: faults at %v, want %v", name, got, c.want)
		}
	}
}

func TestAuditTrailShowsWhatWasAltered(t *testing.T) {
	t.Parallel()
	trail := func() []*ops.AuditEntry {
		var all []*ops.AuditEntry
		var last *ops.AuditEntry
		for i := range 4 {
			e := &ops.AuditEntry{
				At: time.Date(2026, 11, 24, 9, i, 0, 0, time.UTC), Actor: ops.Actor{ID: "ada"}, Action: "task.complete",
				Target: ops.Ref{Kind: ops.KindTask, ID: "tsk-1"}, After: json.RawMessage(`{"status":"completed"}`),
			}
			if err := e.Seal(last); err != nil {
				t.Fatal(err)
			}
			all, last = append(all, e), e
		}
		return all
	}
	if err := ops.VerifyTrail(trail()); err != nil {
		t.Fatalf("a whole trail: %v", err)
	}
	for name, spoil := range map[string]func([]*ops.AuditEntry) []*ops.AuditEntry{
		"an altered reason": func(a []*ops.AuditEntry) []*ops.AuditEntry { a[1].Reason = "because"; return a },
		"another author":    func(a []*ops.AuditEntry) []*ops.AuditEntry { a[2].Actor.ID = "bob"; return a },
		"a missing entry":   func(a []*ops.AuditEntry) []*ops.AuditEntry { return slices.Delete(a, 1, 2) },
		"a missing first":   func(a []*ops.AuditEntry) []*ops.AuditEntry { return a[1:] },
		"a new chain in the middle": func(a []*ops.AuditEntry) []*ops.AuditEntry {
			a[2].PrevHash = strings.Repeat("0", 64)
			return a
		},
	} {
		if err := ops.VerifyTrail(spoil(trail())); err == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}
