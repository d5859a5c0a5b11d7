package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/table"
)

// fourSteps is a workflow of four automated steps in a row that touch nothing but the workflow, and the rule that starts it.
const (
	fourSteps = `{"name": "four_steps", "type": "quality_check", "trigger": "event_based", "team": "Operations", "priority": 5, "steps": [
		{"id": "one", "name": "One", "kind": "automated", "action": "booking.validate"},
		{"id": "two", "name": "Two", "kind": "automated", "depends_on": ["one"], "action": "booking.validate"},
		{"id": "three", "name": "Three", "kind": "automated", "depends_on": ["two"], "action": "booking.validate"},
		{"id": "four", "name": "Four", "kind": "automated", "depends_on": ["three"], "action": "booking.validate"}]}`
	fourStepsRule = `{"name": "four-steps", "type": "trigger", "event": "booking_confirmed", "mode": "active", "priority": 5,
		"condition": {"all": [{"path": "detail.booking_id", "op": "exists"}]},
		"actions": [{"type": "start_workflow", "template": "four_steps"}]}`
)

// benchSystem is a running system with the four-step workflow.
type benchSystem struct {
	*local.Runtime
	b     *testing.B
	token string
}

func newBenchSystem(b *testing.B, c *clock.Clock) *benchSystem {
	b.Helper()
	was := debug.SetGCPercent(local.GCPercent) // as in `opsflow dev`
	b.Cleanup(func() { debug.SetGCPercent(was) })
	o := options()
	o.Clock, o.Data = c, b.TempDir()
	rt, err := local.Start(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := rt.Close(); err != nil {
			b.Error(err)
		}
	})
	return benchOn(b, rt)
}

// benchOn gives a running system to a benchmark.
func benchOn(b *testing.B, rt *local.Runtime) *benchSystem {
	b.Helper()
	s := &benchSystem{Runtime: rt, b: b}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(s.call(http.MethodGet, "/dev/token?user=ada&groups=admin", ""), &token); err != nil {
		b.Fatal(err)
	}
	s.token = token.AccessToken
	return s
}

// teach gives the system the four-step workflow and its rule.
func (s *benchSystem) teach() {
	s.b.Helper()
	s.call(http.MethodPost, "/v1/templates", fourSteps)
	s.call(http.MethodPost, "/v1/templates/four_steps/versions/1/publish", "")
	s.call(http.MethodPost, "/v1/rules", fourStepsRule)
}

// call makes a request that has to succeed, and gives the answer's body.
func (s *benchSystem) call(method, path, body string) []byte {
	s.b.Helper()
	req, err := http.NewRequestWithContext(s.b.Context(), method, s.APIURL()+path, strings.NewReader(body))
	if err != nil {
		s.b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.b.Fatal(err)
	}
	defer res.Body.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(res.Body); err != nil {
		s.b.Fatal(err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		s.b.Fatalf("%s %s: %d %s", method, path, res.StatusCode, &out)
	}
	return out.Bytes()
}

// completions tells, for each subject, when a workflow about it was stored as completed.
type completions struct {
	table.Table
	waiting sync.Map // subject id -> chan struct{}
}

func (c *completions) Write(ctx context.Context, w table.Write) error {
	if err := c.Table.Write(ctx, w); err != nil {
		return err
	}
	for _, p := range w.Puts {
		if strings.HasPrefix(p.Item.Index["state"].PK, "instance#completed#") {
			_, id, _ := strings.Cut(p.Item.Index["subject"].PK, "/")
			if done, ok := c.waiting.LoadAndDelete(id); ok {
				close(done.(chan struct{})) //nolint:errcheck // nothing else is stored there
			}
		}
	}
	return nil
}

func (c *completions) of(id string) <-chan struct{} {
	done := make(chan struct{})
	c.waiting.Store(id, done)
	return done
}

// BenchmarkFourStepWorkflow takes a workflow from its event, put on the event engine in Go (the AWS endpoint's HTTP is not
// measured), over rule matching, the state machine and four steps to the write of status completed on disk. Each starter
// waits for the end of one workflow before it begins the next. commits/workflow are those of the whole data file: table,
// event deliveries and executions; with one starter they are the commits that follow each other. commit-ms is what the disk
// takes for a commit of next to nothing at the same time: with one starter, commits/workflow times that is the least a
// workflow can take on this machine.
func BenchmarkFourStepWorkflow(b *testing.B) {
	for _, starters := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("starters=%d", starters), func(b *testing.B) {
			s := newBenchSystem(b, clock.Real())
			done := &completions{}
			s.WrapTable(func(t table.Table) table.Table { done.Table = t; return done })
			s.teach()
			run := func(id string) error {
				end := done.of(id)
				res, err := s.PutEvent(b.Context(), "booking_confirmed", fmt.Sprintf(`{"booking_id":%q,"vendor_id":%q}`, id, id))
				if err != nil || res.ErrorCode != "" {
					return fmt.Errorf("put event: %w %s", err, res.ErrorMessage)
				}
				select {
				case <-end:
					return nil
				case <-time.After(time.Minute):
					return fmt.Errorf("the workflow of %s did not end within a minute", id)
				}
			}
			if err := run("warm-up"); err != nil {
				b.Fatal(err)
			}
			settle(b, s)
			commits := s.Commits()
			b.ResetTimer()
			var next atomic.Int64
			var all sync.WaitGroup
			for range starters {
				all.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := run(fmt.Sprintf("bench-%d", i)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "workflows/s")
			settle(b, s)
			b.ReportMetric(float64(s.Commits()-commits)/float64(b.N), "commits/workflow")
			b.ReportMetric(s.commitMillis(), "commit-ms")
		})
	}
}

// commitMillis measures the disk: the median of 100 commits of one small value.
func (s *benchSystem) commitMillis() float64 {
	s.b.Helper()
	took := make([]time.Duration, 100)
	for i := range took {
		began := time.Now()
		if err := s.CommitNothing(s.b.Context()); err != nil {
			s.b.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2].Seconds() * 1e3
}

// settle waits until nothing is going on any more.
func settle(b *testing.B, s *benchSystem) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if err := s.Clock().WaitIdle(ctx); err != nil {
		b.Fatal(err)
	}
}
