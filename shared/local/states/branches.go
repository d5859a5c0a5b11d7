package states

import (
	"slices"

	"opsflow/shared/local/states/value"
)

// fork starts the branches of a Parallel state, all with the same input.
func (x *execution) fork(t *thread, s *state, input any) error {
	t.Join = &join{Total: len(s.branches), Limit: len(s.branches), Items: value.JSON{V: input}}
	t.Phase = phaseJoin
	x.event(t, "ParallelStateStarted", nil)
	x.startThreads(t, s)
	return nil
}

// startThreads starts as many threads of a Parallel or Map state as there is room for.
func (x *execution) startThreads(t *thread, s *state) {
	j := t.Join
	for j.started < j.Total && j.started-j.done < j.Limit {
		index := j.started
		j.started++
		branch := 0
		if s.kind == "Parallel" {
			branch = index
		}
		c := x.newThread(t.ID, index, s.branches[branch])
		c.Prev = t.Prev
		if s.kind == "Map" {
			x.event(c, "MapIterationStarted", iteration(c, s))
		}
		if !x.startThread(t, s, c) {
			return
		}
	}
	x.touch(t)
}

// startThread lets a branch or an iteration begin, and reports whether it could.
func (x *execution) startThread(t *thread, s *state, c *thread) bool {
	input := t.Join.Items.V
	if s.kind == "Map" {
		list, _ := input.([]any)
		c.Item = &value.JSON{V: list[c.Index]}
		var err error
		if input, err = x.itemInput(t, s, c.Index, list[c.Index]); err != nil {
			x.failThread(c, x.asFailure(t, err)) // starts the rest itself, if there is to be one
			return false
		}
	}
	x.enter(c, c.graph.startAt, input)
	return true
}

func iteration(c *thread, s *state) map[string]any {
	return map[string]any{"name": s.name, "index": c.Index}
}

// itemInput is what an iteration begins with.
func (x *execution) itemInput(t *thread, s *state, index int, item any) (any, error) {
	m := s.mapping
	if m.selector == nil {
		return item, nil
	}
	return x.selectItem(t, s, index, item)
}

func (x *execution) selectItem(t *thread, s *state, index int, item any) (any, error) {
	sc := x.scope(t)
	switch {
	case s.noInput:
		sc = sc.with(value.NewObject(0))
	case s.inputPath != nil:
		input, err := s.inputPath.lookup(sc)
		if err != nil {
			return nil, err
		}
		sc = sc.with(input)
	}
	sc.context = func() any { return x.contextObject(t).With("Map", mapItem(index, item)) }
	return s.mapping.selector.eval(sc)
}

// finishThread ends a thread that has come to the end of its graph.
func (x *execution) finishThread(t *thread, output any) {
	if t.Parent == noParent {
		x.end(StatusSucceeded, output, nil)
		return
	}
	parent := x.threads[t.Parent]
	s := parent.state()
	t.Phase, t.Output = phaseDone, &value.JSON{V: output}
	x.touch(t)
	if s.kind == "Map" {
		x.event(t, "MapIterationSucceeded", iteration(t, s))
	}
	parent.Join.done++
	x.joined(parent, s)
}

// joined looks at a Parallel or Map state after one of its threads has ended.
func (x *execution) joined(t *thread, s *state) {
	j := t.Join
	if j.done < j.Total {
		x.startThreads(t, s)
		return
	}
	results := make([]any, j.Total)
	for _, c := range x.childrenOf(t) {
		results[c.Index] = c.Output.V
		t.Prev = max(t.Prev, c.Prev)
		x.remove(c)
	}
	x.event(t, s.kind+"StateSucceeded", nil)
	t.Phase = phaseRun
	if err := x.complete(t, s, results); err != nil {
		t.Join = nil
		x.failState(t, s, x.asFailure(t, err))
	}
}

func (x *execution) childrenOf(t *thread) []*thread {
	var all []*thread
	for _, c := range x.threads {
		if c.Parent == t.ID {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *thread) int { return a.ID - b.ID })
	return all
}

func (x *execution) remove(t *thread) {
	x.halt(t)
	delete(x.threads, t.ID)
}

// halt lets a thread stand still where it is, and nobody work for it any more.
func (x *execution) halt(t *thread) {
	x.stopChild(t)
	x.touch(t)
	if cancel := x.cancel[t.ID]; cancel != nil {
		cancel()
		delete(x.cancel, t.ID)
	}
	t.Task = nil
	if a := x.runs[t.ID]; a != nil && a.Status == StatusRunning {
		x.endRun(a, StatusAborted)
	}
	if t.Phase != phaseDone {
		t.Phase = phaseHalted
	}
}

// discardJoin forgets the branches or iterations of a state that begins anew or is left.
func (x *execution) discardJoin(t *thread) {
	if t.Join == nil {
		return
	}
	delete(x.runs, t.ID)
	for _, c := range x.childrenOf(t) {
		x.discardJoin(c)
		x.remove(c)
	}
	t.Join = nil
}

// failThread ends a thread that nothing caught the failure of.
func (x *execution) failThread(t *thread, f *failure) {
	if t.Parent == noParent {
		x.end(StatusFailed, nil, f)
		return
	}
	parent := x.threads[t.Parent]
	s := parent.state()
	x.halt(t)
	if s.kind == "Map" {
		x.event(t, "MapIterationFailed", iteration(t, s))
	}
	parent.Prev = max(parent.Prev, t.Prev)
	x.abortChildren(parent, s)
	parent.Phase = phaseHalted
	x.failState(parent, s, f)
}

// abortChildren halts what still runs of a Parallel or Map state that failed.
func (x *execution) abortChildren(t *thread, s *state) {
	for _, c := range x.childrenOf(t) {
		if c.Phase == phaseJoin {
			x.abortChildren(c, c.state())
		}
		if c.Phase != phaseDone && c.Phase != phaseHalted && c.EnteredID > 0 {
			switch kind := c.state().kind; kind {
			case "Task", "Wait", "Parallel", "Map":
				if c.Join != nil && c.Join.MapRun != "" {
					x.event(c, "MapRunAborted", nil)
				}
				x.event(c, kind+"StateAborted", nil)
			}
			if s.kind == "Map" {
				x.event(c, "MapIterationAborted", iteration(c, s))
			}
		}
		x.halt(c)
	}
}
