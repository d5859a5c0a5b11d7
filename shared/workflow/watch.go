package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// A condition_based template watches records of a kind. What its condition last said of a record stands in that record, so that
// a change, what is seen of it and the workflow that follows are one write: each turn from false to true starts one workflow,
// whoever wrote the record, however often it is tried. A record that was never looked at counts as false.

// watchesFresh is how long what is watched is known without asking the table.
const watchesFresh = 2 * time.Second

// watchlist is what is watched, as it was read last, ready to be asked.
type watchlist struct {
	mu   sync.Mutex
	list map[string][]watcher // by the kind of record; nil: to be read
	at   time.Time
}

// watcher is a template that watches.
type watcher struct {
	ops.WatchingTemplate

	when *rule.Cond
}

func (e *Engine) watches(ctx context.Context) (map[string][]watcher, error) {
	now := e.Clock.Now()
	e.watching.mu.Lock()
	list, age := e.watching.list, now.Sub(e.watching.at)
	e.watching.mu.Unlock()
	if list != nil && age >= 0 && age < watchesFresh {
		return list, nil
	}
	stored, err := e.Store.Watches(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what templates watch: %w", err)
	}
	list = map[string][]watcher{}
	for _, one := range stored.Templates {
		when, err := rule.CompileCondition(one.Watch.When, e.Calendar)
		if err != nil {
			return nil, fmt.Errorf("watch of template %s: %w", one.Template, err)
		}
		list[one.Watch.Subject] = append(list[one.Watch.Subject], watcher{one, when})
	}
	e.watching.mu.Lock()
	defer e.watching.mu.Unlock()
	e.watching.list, e.watching.at = list, now
	return list, nil
}

// forget has the table asked what is watched.
func (w *watchlist) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = nil
}

// Watch implements ops.Workflows.
func (e *Engine) Watch(ctx context.Context, s *ops.Subject, cause ops.Cause) ([]*ops.Instance, error) {
	if s.Type == ops.SubjectVendor { // what is watched of a vendor is its own record
		return nil, nil
	}
	return e.watch(ctx, s.SubjectRef, func() json.RawMessage { return rule.SubjectDoc(s) }, &s.Watched, cause)
}

// watch looks at a record that is about to be written, notes in seen what the watches say of it now, and gives the workflows
// that are to be written with it. doc is asked only if somebody watches.
func (e *Engine) watch(
	ctx context.Context, ref ops.SubjectRef, doc func() json.RawMessage, seen *map[string]ops.WatchState, cause ops.Cause,
) ([]*ops.Instance, error) {
	list, err := e.watches(ctx)
	if err != nil {
		return nil, err
	}
	on := list[ref.Type]
	if len(on) == 0 {
		return nil, nil
	}
	of := rule.Doc{"subject": doc()}
	var started []*ops.Instance
	for _, one := range on {
		holds, _ := one.when.Eval(of, e.Clock.Now())
		state := (*seen)[one.Template]
		if state.Holds == holds {
			continue
		}
		if state.Holds = holds; holds {
			state.Times++
		}
		if *seen == nil {
			*seen = map[string]ops.WatchState{}
		}
		(*seen)[one.Template] = state
		if !holds || cause.Depth > ops.MaxDepth { // a chain of workflows that start each other ends
			continue
		}
		i, err := e.Plan(ctx, ops.StartRequest{
			ID:       ops.HashID("wf-", "watch", one.Template, ref.String(), strconv.Itoa(state.Times)),
			Template: one.Template, Version: one.Version, Subject: ref, Context: rule.ResolveAll(one.Watch.Context, of),
			TriggeredBy: ops.TriggeredBy{Kind: "condition", EventID: cause.EventID, Depth: cause.Depth},
		})
		if hopeless(err) {
			e.Logger.ErrorContext(ctx, "a watching template can't start", "template", one.Template, "subject", ref.String(), "error", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		started = append(started, i)
	}
	return started, nil
}

// watched stages the workflows that watches of the staged subjects start, and gives them to be launched once stored.
func (r *run) watched(ctx context.Context) ([]*ops.Instance, error) {
	var started []*ops.Instance
	for _, ref := range r.order {
		s, ok := r.staged[ref].(*ops.Subject)
		if !ok {
			continue
		}
		more, err := r.Watch(ctx, s, cause(r.i))
		if err != nil {
			return nil, &Unavailable{Err: err}
		}
		started = append(started, more...)
	}
	for _, i := range started {
		r.stage(i)
	}
	return started, nil
}

// HandleVendorDue looks at a vendor that changed, for the templates that watch vendors. An overlapping or stale call does no
// harm.
func (e *Engine) HandleVendorDue(ctx context.Context, ref ops.Ref) error {
	v, err := e.Store.Vendor(ctx, ref.ID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read vendor %s: %w", ref.ID, err)
	}
	if at, set := v.Timers[ops.TimerWatch]; !set || at.After(e.Clock.Now()) {
		return nil
	}
	seen := *v
	seen.Meta, seen.Watched = ops.Meta{}, nil
	started, err := e.watch(ctx, ops.SubjectRef{Type: ops.SubjectVendor, ID: v.ID}, func() json.RawMessage {
		doc, _ := json.Marshal(seen) //nolint:errchkjson // texts and numbers
		return doc
	}, &v.Watched, ops.Cause{Depth: 1})
	if err != nil {
		return err
	}
	v.ClearTimer(ops.TimerWatch)
	records := []ops.Record{v}
	for _, i := range started {
		records = append(records, i)
	}
	if err := e.Store.Save(ctx, records...); err != nil {
		return fmt.Errorf("store what is watched of vendor %s: %w", v.ID, err)
	}
	for _, i := range started {
		e.begin(ctx, i)
	}
	return nil
}

// watchFrom gives the list of watches as it is once current says which version starts; nil when that changes nothing. Of the
// versions, that one is among changed and starts, or is what it was.
func (e *Engine) watchFrom(ctx context.Context, current *ops.CurrentTemplate, changed, starts *ops.Template) (*ops.Watches, error) {
	var now *ops.Template // that watches; nil: none
	for _, t := range []*ops.Template{changed, starts} {
		if t != nil && t.Version == current.Version {
			now = t
		}
	}
	if now == nil && current.Version > 0 {
		return nil, nil
	}
	list, err := e.Store.Watches(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what templates watch: %w", err)
	}
	if !list.Set(current.Template, now) {
		return nil, nil
	}
	return list, nil
}
