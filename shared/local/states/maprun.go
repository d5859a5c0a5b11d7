package states

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// mapRun is what is kept of the work of a distributed Map state: its items are worked on by executions of their own, the
// children. What became of each is in the child's own record, so that a child that ends costs its parent no write.
type mapRun struct {
	Execution   string    `json:"x"` // key
	Thread      int       `json:"t"` // of the execution
	State       string    `json:"n"` // the Map state
	Express     bool      `json:"e,omitempty"`
	Concurrency int64     `json:"c,omitempty"` // MaxConcurrency; 0: no limit
	Tolerated   tolerated `json:"f,omitzero"`
	Items       int       `json:"i"`
	Children    int       `json:"h"`           // all that there will be: one for each batch of items
	Started     int       `json:"b,omitempty"` // of them
	Status      string    `json:"s"`
	StartedAt   int64     `json:"a"`
	StoppedAt   int64     `json:"o,omitempty"`
	Redrives    int       `json:"r,omitempty"`
	RedrivenAt  int64     `json:"d,omitempty"`
	Writer      string    `json:"w,omitempty"` // where the results go: JSON of Bucket and Prefix
}

// tolerated is how many items may fail. Of two thresholds the first to be exceeded ends the run; without any no item may fail.
type tolerated struct {
	Count      *int64   `json:"c,omitempty"`
	Percentage *float64 `json:"p,omitempty"`
}

func (t tolerated) exceeded(failed, items int) bool {
	if t.Count == nil && t.Percentage == nil {
		return failed > 0
	}
	return t.Count != nil && int64(failed) > *t.Count || t.Percentage != nil && float64(failed)*100 > *t.Percentage*float64(items)
}

// limit is how many children may run at a time.
func (r *mapRun) limit() int {
	if r.Concurrency > 0 {
		return int(min(r.Concurrency, distributedConcurrency))
	}
	return distributedConcurrency
}

// inputs are what the children of a map run begin with, and how many items each has.
type inputs struct {
	Values []value.JSON `json:"v"`
	Items  []int        `json:"i"`
}

// activeRun is a map run of an execution in memory.
type activeRun struct {
	mapRun
	key     string
	inputs  inputs
	status  []string       // of each child; empty: it has not begun, or waits to be redriven
	keys    map[int]string // of children that run
	again   []int          // children that wait to be redriven
	failed  int            // items
	machine string         // of the children: the state machine's name, with the label
}

// hold makes a map run that of a thread.
func (x *execution) hold(t *thread, a *activeRun) {
	if x.runs == nil {
		x.runs = map[int]*activeRun{}
	}
	x.runs[t.ID] = a
}

// going says whether the run is one of the execution's that has not ended.
func (x *execution) going(t *thread, a *activeRun) bool {
	return a != nil && x.runs[t.ID] == a && x.threads[t.ID] == t && a.Status == StatusRunning
}

func mapChildKey(run string, index int) []byte { return numberedKey(run, ^uint64(index)) } //nolint:gosec // newest first

func (e *Engine) mapRunARN(key string) string {
	return fmt.Sprintf("arn:aws:states:%s:%s:mapRun:%s", e.region, e.account, key)
}

// label is the name of a distributed Map state in ARNs: its own, or one that is made up.
func (s *state) label(definition string) string {
	if s.mapping.label != "" {
		return s.mapping.label
	}
	sum := sha256.Sum256([]byte(definition + "\x00" + s.name))
	return uuid.Text([16]byte(sum[:16]))
}

// baseMachine is a state machine's name without the label of a Map state.
func baseMachine(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

// startMapRun begins to work on the children's inputs.
func (x *execution) startMapRun(t *thread, s *state, run mapRun, in inputs) error {
	id, err := uuid.New(x.e.random)
	if err != nil {
		return err
	}
	run.Execution, run.Thread, run.State, run.Express = x.key, t.ID, s.name, s.mapping.express
	run.Children, run.Status, run.StartedAt = len(in.Values), StatusRunning, x.e.now().UnixMilli()
	for _, n := range in.Items {
		run.Items += n
	}
	machine := baseMachine(x.rec.Machine) + "/" + s.label(x.rec.Definition)
	a := &activeRun{
		mapRun: run, key: machine + ":" + id, inputs: in, status: make([]string, run.Children), keys: map[int]string{}, machine: machine,
	}
	t.Join, t.Phase = &join{MapRun: a.key}, phaseJoin
	x.hold(t, a)
	x.event(t, "MapRunStarted", map[string]any{"mapRunArn": x.e.mapRunARN(a.key)})
	x.saveRun(a)
	x.more = append(x.more,
		entry{bucketMapItems, []byte(a.key), mustJSON(in)},
		entry{bucketMapRunsOf, numberedKey(x.key, ^uint64(x.count.Seq)), []byte(a.key)}, //nolint:gosec // newest first
	)
	return x.advance(t, a)
}

// saveRun has this burst write a map run as it is in the end.
func (x *execution) saveRun(a *activeRun) {
	if !slices.Contains(x.saved, a) {
		x.saved = append(x.saved, a)
	}
}

// advance starts the children that there is room for, or ends the run when nothing is left to do.
func (x *execution) advance(t *thread, a *activeRun) error {
	if a.Tolerated.exceeded(a.failed, a.Items) {
		x.failRun(t, a)
		return nil
	}
	for len(a.keys) < a.limit() {
		var err error
		started := a.Started
		switch {
		case len(a.again) > 0:
			i := a.again[0]
			a.again = a.again[1:]
			err = x.childAgain(t, a, i)
		case a.Started < a.Children:
			a.Started++
			err = x.newChild(t, a, a.Started-1)
		case len(a.keys) == 0:
			return x.completeRun(t, a)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		if started != a.Started {
			x.saveRun(a)
		}
	}
	return nil
}

// note counts what a child has come to.
func (a *activeRun) note(i int, status string, attempt int) {
	a.status[i] = status
	switch {
	case status == StatusSucceeded || status == StatusRunning:
	case attempt < a.Redrives:
		a.status[i] = ""
		a.again = append(a.again, i)
	default:
		a.failed += a.inputs.Items[i]
	}
}

// loadRun reads the map run of a thread, and what its children have come to. A redriven one begins to run again.
func (x *execution) loadRun(ctx context.Context, t *thread, redriven bool) (*activeRun, error) {
	a := &activeRun{key: t.Join.MapRun, keys: map[int]string{}}
	a.machine, _, _ = strings.Cut(a.key, ":")
	err := x.e.db.View(ctx, func(tx *bbolt.Tx) error {
		if err := json.Unmarshal(tx.Bucket(bucketMapRuns).Get([]byte(a.key)), &a.mapRun); err != nil {
			return err
		}
		if err := json.Unmarshal(tx.Bucket(bucketMapItems).Get([]byte(a.key)), &a.inputs); err != nil {
			return err
		}
		if redriven {
			a.Redrives++
			a.RedrivenAt, a.Status, a.StoppedAt = x.e.now().UnixMilli(), StatusRunning, 0
		}
		a.status = make([]string, a.Children)
		for i := range a.Started {
			key := tx.Bucket(bucketMapChildren).Get(mapChildKey(a.key, i))
			rec, err := read[record](tx, bucketExecutions, key)
			if err != nil {
				return err
			}
			if rec.Status == StatusRunning {
				a.keys[i] = string(key)
			}
			a.note(i, rec.Status, rec.MapAttempt)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read map run %s: %w", a.key, err)
	}
	x.hold(t, a)
	return a, nil
}

// completeRun ends a map run whose children are all over.
func (x *execution) completeRun(t *thread, a *activeRun) error {
	results, err := x.results(a, t.state().mapping.writer)
	if err != nil {
		return err
	}
	x.endRun(a, StatusSucceeded)
	x.event(t, "MapRunSucceeded", nil)
	x.event(t, "MapStateSucceeded", nil)
	s := t.state()
	delete(x.runs, t.ID)
	t.Join, t.Phase = nil, phaseRun
	if err := x.complete(t, s, results); err != nil {
		x.failState(t, s, x.asFailure(t, err))
	}
	return nil
}

// results are what a Map state has of its children.
func (x *execution) results(a *activeRun, w *writer) (any, error) {
	if w != nil && w.exports {
		out, err := x.export(x.e.ctx, a, w)
		if err != nil {
			return nil, s3Failure(errResultWriter, err)
		}
		return out, nil
	}
	children, err := x.e.endedChildren(x.e.ctx, a)
	if err != nil {
		return nil, err
	}
	if w == nil {
		w = &writer{transformation: "COMPACT"}
	}
	return x.e.outcomes(w, children)
}

// failRun ends a map run of which too many items have failed.
func (x *execution) failRun(t *thread, a *activeRun) {
	if w := t.state().mapping.writer; w != nil && w.exports {
		_, err := x.export(x.e.ctx, a, w) // the failure counts, whether or not it can be told there
		x.e.report(err)
	}
	x.endRun(a, StatusFailed)
	t.Phase = phaseHalted
	x.failState(t, t.state(), &failure{Name: errToleratedExceeded, Cause: causeToleratedExceeded, plain: true})
}

// endRun notes how a map run has ended. Children that still run are stopped.
func (x *execution) endRun(a *activeRun, status string) {
	a.Status, a.StoppedAt = status, x.e.now().UnixMilli()
	x.saveRun(a)
	for _, key := range a.keys {
		x.effects = append(x.effects, func() { x.e.stopLater(key) })
	}
	clear(a.keys)
}

func (e *Engine) loadMapRun(ctx context.Context, key string) (run *mapRun, err error) {
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		run, err = read[mapRun](tx, bucketMapRuns, []byte(key))
		return err
	})
	if err == nil && run == nil {
		err = apiError("ResourceNotFound", "Resource not found: '%s'", e.mapRunARN(key))
	}
	return run, err
}

// pendingRedrive says whether a child that failed waits for its turn in the redrive of its map run.
func (rec *record) pendingRedrive(run *mapRun) bool {
	return rec.Status != StatusRunning && rec.Status != StatusSucceeded && rec.MapAttempt < run.Redrives && run.Status == StatusRunning
}
