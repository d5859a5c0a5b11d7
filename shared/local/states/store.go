package states

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Buckets. Keys of executions: see record.key.
var (
	bucketMachines    = []byte("states.machines")     // name -> machine
	bucketDefinitions = []byte("states.definitions")  // hash -> text
	bucketExecutions  = []byte("states.executions")   // key -> record
	bucketByStart     = []byte("states.by_start")     // machine 0 inverted start time, execution name -> nothing
	bucketRunning     = []byte("states.running")      // key -> counters
	bucketThreads     = []byte("states.threads")      // key 0 thread id -> thread
	bucketHistory     = []byte("states.history")      // key 0 first event id -> events
	bucketActivities  = []byte("states.activities")   // name -> creation time
	bucketVersions    = []byte("states.versions")     // machine 0 inverted number -> version
	bucketAliases     = []byte("states.aliases")      // machine 0 name -> alias
	bucketTags        = []byte("states.tags")         // stateMachine:name or activity:name -> tags
	bucketKeys        = []byte("states.keys")         // what for -> secret key
	bucketMapRuns     = []byte("states.map_runs")     // key, which is what the ARN ends with -> map run
	bucketMapItems    = []byte("states.map_items")    // map run -> the children's inputs
	bucketMapChildren = []byte("states.map_children") // map run 0 inverted index -> key of the child
	bucketMapRunsOf   = []byte("states.map_runs_of")  // execution 0 inverted event id -> map run
)

func (e *Engine) open(ctx context.Context) error {
	return e.db.Update(ctx, func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{
			bucketMachines, bucketDefinitions, bucketExecutions, bucketByStart,
			bucketRunning, bucketThreads, bucketHistory, bucketActivities, bucketVersions, bucketAliases, bucketTags, bucketKeys,
			bucketMapRuns, bucketMapItems, bucketMapChildren, bucketMapRunsOf,
		} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if err := e.openPageKey(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketActivities).ForEach(func(k, _ []byte) error {
			e.activities[string(k)] = true
			return nil
		})
	})
}

func numberedKey(key string, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(key), 0), n)
}

func beUint64(text []byte) uint64 { return binary.BigEndian.Uint64(text) }

// keysWith are the keys of a bucket that begin so.
func keysWith(tx *bbolt.Tx, bucket, prefix []byte) (keys [][]byte) {
	c := tx.Bucket(bucket).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

func startKey(rec *record) []byte {
	k := binary.BigEndian.AppendUint64(append([]byte(rec.Machine), 0), ^uint64(rec.StartedAt))
	return append(k, rec.Name...)
}

// entry is one key to write, or to delete when value is nil.
type entry struct{ bucket, key, value []byte }

func put(tx *bbolt.Tx, entries []entry) error {
	for _, w := range entries {
		b := tx.Bucket(w.bucket)
		var err error
		if w.value == nil {
			err = b.Delete(w.key)
		} else {
			err = b.Put(w.key, w.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entries are what this burst changed.
func (x *execution) entries() ([]entry, error) {
	out := x.more
	add := func(bucket, key []byte, v any) error {
		text, err := json.Marshal(v)
		out = append(out, entry{bucket, key, text})
		return err
	}
	for _, a := range x.saved {
		if err := add(bucketMapRuns, []byte(a.key), a.mapRun); err != nil {
			return nil, err
		}
	}
	for id := range x.changed {
		if id == executionTimer {
			continue
		}
		key := numberedKey(x.key, uint64(id))
		if t := x.threads[id]; t == nil {
			out = append(out, entry{bucketThreads, key, nil})
		} else if err := add(bucketThreads, key, t); err != nil {
			return nil, err
		}
	}
	if len(x.events) > 0 && !x.rec.Express { // the history of those goes to a log, if anywhere
		first := uint64(x.events[0].ID)
		if err := add(bucketHistory, numberedKey(x.key, first), x.events); err != nil {
			return nil, err
		}
	}
	if x.rec.Status == StatusRunning {
		return out, add(bucketRunning, []byte(x.key), x.count)
	}
	out = append(out, entry{bucketRunning, []byte(x.key), nil})
	if !x.rec.kept() {
		return append(out, entry{bucketExecutions, []byte(x.key), nil}), nil
	}
	return out, add(bucketExecutions, []byte(x.key), x.rec)
}

func (x *execution) commit(ctx context.Context) error {
	nothing := len(x.changed)+len(x.events)+len(x.more)+len(x.saved) == 0 && x.rec.Status == StatusRunning
	if x.ephemeral || nothing {
		return nil
	}
	entries, err := x.entries()
	if err != nil {
		return err
	}
	return x.e.db.Update(ctx, func(tx *bbolt.Tx) error { return put(tx, entries) })
}

// load reads the record of an execution.
func (e *Engine) load(ctx context.Context, key string) (*record, error) {
	var rec *record
	err := e.db.View(ctx, func(tx *bbolt.Tx) error {
		text := tx.Bucket(bucketExecutions).Get([]byte(key))
		if text == nil {
			return nil
		}
		rec = &record{}
		return json.Unmarshal(text, rec)
	})
	if err == nil && rec == nil {
		err = errNoExecution(e.arnOfKey(key))
	}
	return rec, err
}

// Resume takes up every execution that was running when the database was last used: waits keep their time, task tokens
// stay valid, and a function that was at work is called again.
func (e *Engine) Resume(ctx context.Context) error {
	var keys []string
	if err := e.db.View(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRunning).ForEach(func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		})
	}); err != nil {
		return fmt.Errorf("list running executions: %w", err)
	}
	for _, key := range keys {
		if err := e.resume(ctx, key); err != nil {
			return fmt.Errorf("resume execution %s: %w", key, err)
		}
	}
	return nil
}

func (e *Engine) resume(ctx context.Context, key string) error {
	if e.find(key) != nil {
		return nil
	}
	x, err := e.restore(ctx, key)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.running[key] = x
	e.mu.Unlock()
	x.mu.Lock()
	effects, err := x.takeUp(ctx) //nolint:contextcheck // a task outlives the call that set it off
	x.mu.Unlock()
	if err != nil {
		return err
	}
	for _, effect := range effects {
		effect()
	}
	e.stopOrphan(x) //nolint:contextcheck // outlives the call, too
	return nil
}

// restore reads an execution as it stood when it was last written.
func (e *Engine) restore(ctx context.Context, key string) (*execution, error) {
	var rec record
	var count counters
	threads := map[int]*thread{}
	err := e.db.View(ctx, func(tx *bbolt.Tx) error {
		if err := json.Unmarshal(tx.Bucket(bucketExecutions).Get([]byte(key)), &rec); err != nil {
			return err
		}
		if rec.Halted != nil {
			count = *rec.Halted
		} else if err := json.Unmarshal(tx.Bucket(bucketRunning).Get([]byte(key)), &count); err != nil {
			return err
		}
		prefix := append([]byte(key), 0)
		c := tx.Bucket(bucketThreads).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			t := &thread{}
			if err := json.Unmarshal(v, t); err != nil {
				return err
			}
			threads[t.ID] = t
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	g, err := e.definition(ctx, rec.Definition)
	if err != nil {
		return nil, err
	}
	if rec.MapState != "" {
		g = g.find(rec.MapState).branches[0]
	}
	input, err := parseInput(rec.Input)
	if err != nil {
		return nil, err
	}
	x := e.newExecution(key, rec, g, input)
	x.count, x.threads = count, threads
	x.relink()
	return x, nil
}

// relink gives each thread that was read its graph, and counts again what became of those of Parallel and Map states.
func (x *execution) relink() {
	for id := range x.count.Next { // parents have lower ids than their children
		t := x.threads[id]
		if t == nil {
			continue
		}
		t.graph = x.graph
		if parent := x.threads[t.Parent]; parent != nil {
			s := parent.state()
			t.graph = s.branches[0]
			if s.kind == "Parallel" {
				t.graph = s.branches[t.Index]
			}
			parent.Join.started++
			if t.Phase == phaseDone {
				parent.Join.done++
			}
		}
	}
}

// takeUp sets off again what the threads of a loaded execution wait for.
func (x *execution) takeUp(ctx context.Context) ([]func(), error) {
	x.setTimer(executionTimer)
	for id, t := range x.threads {
		x.setTimer(id)
		if t.Phase == phaseJoin && t.Join.MapRun != "" {
			a, err := x.loadRun(ctx, t, false)
			if err != nil {
				return nil, err
			}
			x.effects = append(x.effects, func() {
				x.e.goBusy(func() {
					x.e.report(x.burst(x.e.ctx, func() error {
						x.goOnWith(t, a)
						return nil
					}))
				})
			})
		}
		if t.Phase != phaseTask {
			continue
		}
		switch {
		case !t.Task.Submitted:
			x.launchLater(t)
		case t.Task.Child != "":
			child, l := t.Task.Child, x.linkTo(t)
			x.effects = append(x.effects, func() { x.e.checkChild(child, l) })
		}
	}
	effects := x.effects
	x.effects = nil
	return effects, nil
}

// reload takes an execution up again from what is stored, after a write of it failed.
func (e *Engine) reload(key string) {
	e.mu.Lock()
	delete(e.running, key)
	e.mu.Unlock()
	e.clock.AfterFunc(e.now().Add(time.Second), func() {
		if e.ctx.Err() != nil {
			return
		}
		var rec *record
		rec, err := e.load(e.ctx, key)
		if err == nil && rec.Status == StatusRunning {
			err = e.resume(e.ctx, key)
		}
		var api *APIError
		if err != nil && !errors.As(err, &api) {
			e.report(err)
			e.reload(key)
		}
	})
}
