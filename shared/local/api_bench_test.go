package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

// BenchmarkAPI measures requests through the HTTP API, as a client on the same machine sees them: one after the other, each
// when the system is idle, the table on disk. p50-ms is the median of one request; ns/op also has the time until what the
// request began is over. The lists are of 20 out of at least 1,000 instances. commit-ms is the disk's share in a create: the
// median of a commit of next to nothing, measured in between.
func BenchmarkAPI(b *testing.B) {
	const stored = 1000
	s := newBenchSystem(b, clock.Real())
	s.teach()
	create := func(i int) string {
		var created struct {
			ID string `json:"id"`
		}
		body := s.call(http.MethodPost, "/v1/workflows", fmt.Sprintf(`{"template":"four_steps","subject":{"type":"booking","id":"api-%d"}}`, i))
		if err := json.Unmarshal(body, &created); err != nil || created.ID == "" {
			b.Fatalf("the workflow has no id: %s, %v", body, err)
		}
		return created.ID
	}
	var id string
	for i := range stored {
		id = create(-i)
	}
	settle(b, s)
	next := 0
	for _, c := range []struct {
		name    string
		request func(b *testing.B)
	}{
		{"create", func(*testing.B) { next++; create(next) }},
		{"status", func(*testing.B) { s.call(http.MethodGet, "/v1/workflows/"+id, "") }},
		{"list-20", func(b *testing.B) {
			var page struct {
				Items []json.RawMessage `json:"items"`
			}
			if err := json.Unmarshal(s.call(http.MethodGet, "/v1/workflows?limit=20", ""), &page); err != nil || len(page.Items) != 20 {
				b.Fatalf("the list has %d items, %v", len(page.Items), err)
			}
		}},
		{"list-20-completed", func(b *testing.B) {
			s.call(http.MethodGet, "/v1/workflows?limit=20&status=completed", "")
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				began := time.Now()
				c.request(b)
				took = append(took, time.Since(began))
				settle(b, s)
			}
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(took[len(took)*99/100].Seconds()*1e3, "p99-ms")
			b.ReportMetric(s.commitMillis(), "commit-ms")
		})
	}
}
