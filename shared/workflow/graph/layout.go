package graph

import (
	"cmp"
	"slices"

	"opsflow/shared/ops"
)

// Measures of a drawing, in its own units: pixels when it is shown in its own size.
const (
	boxWidth  = 164.0
	boxHeight = 68.0
	rowGap    = 22.0 // between boxes above one another
	laneGap   = 20.0 // between a box and a line that passes it
	layerGap  = 38.0 // between layers
	margin    = 8.0
	backLane  = 30.0 // below the boxes, for lines that lead back
)

// layout is a drawing's geometry: layers from left to right, a step in the layer behind the last that it waits for. A line
// over several layers passes through a point of its own in each (a node without a step), so that it goes around boxes.
type layout struct {
	nodes         []*node
	layers        [][]*node
	edges         []*edge
	width, height float64
}

type node struct {
	step   *ops.Step // nil: a line passes here
	record *ops.StepRecord
	layer  int
	place  int     // in its layer, from the top
	x, y   float64 // left, middle
	in     []*node // in the layer before
	out    []*node // in the layer behind
}

// edge leads from a step to one that waits for it.
type edge struct {
	from, to *node
	via      []*node // between them
	label    string  // a decision's condition, shortened
	whole    string  // the same in full
	state    string  // of an instance: "taken", "idle"
	back     bool    // a refusal sends the work back
}

func (n *node) height() float64 {
	if n.step == nil {
		return 0
	}
	return boxHeight
}

func arrange(t *ops.Template, i *ops.Instance) *layout {
	l := &layout{}
	byID := map[string]*node{}
	for _, id := range order(t) {
		n := &node{step: t.Step(id), record: record(i, id)}
		for _, need := range t.Needs(id) {
			if before := byID[need]; before != nil {
				n.layer = max(n.layer, before.layer+1)
			}
		}
		byID[id] = n
		l.add(n)
	}
	for _, n := range slices.Clone(l.nodes) {
		for _, need := range t.Needs(n.step.ID) {
			if before := byID[need]; before != nil && before.layer < n.layer {
				l.connect(before, n)
			}
		}
		if r := n.step.Rework; r != nil && byID[r.To] != nil {
			l.edges = append(l.edges, &edge{from: n, to: byID[r.To], back: true, label: "sent back", whole: "refused: sent back"})
		}
	}
	l.untangle()
	l.align()
	l.place()
	return l
}

func (l *layout) add(n *node) {
	for len(l.layers) <= n.layer {
		l.layers = append(l.layers, nil)
	}
	n.place = len(l.layers[n.layer])
	l.layers[n.layer] = append(l.layers[n.layer], n)
	l.nodes = append(l.nodes, n)
}

func (l *layout) connect(from, to *node) {
	e := &edge{from: from, to: to}
	e.label, e.whole = wayOut(from.step, to.step.ID)
	if from.record != nil && to.record != nil {
		e.state = "idle"
		if passed(from.record, to.record) {
			e.state = "taken"
		}
	}
	last := from
	for layer := from.layer + 1; layer <= to.layer; layer++ {
		next := to
		if layer < to.layer {
			next = &node{layer: layer}
			l.add(next)
			e.via = append(e.via, next)
		}
		last.out, next.in = append(last.out, next), append(next.in, last)
		last = next
	}
	l.edges = append(l.edges, e)
}

// passed reports whether an instance went from one step to another.
func passed(from, to *ops.StepRecord) bool {
	switch {
	case from.Status != ops.StepCompleted, to.Status == ops.StepPending, to.Status == ops.StepSkipped:
		return false
	case from.Kind == ops.StepDecision && from.Chosen != "":
		return from.Chosen == to.ID
	}
	return true
}

// sweeps is how often layers are looked at from the left and from the right; templates have some ten steps.
const sweeps = 6

// untangle orders each layer by the mean place of what its nodes are connected to, from the left and from the right, so
// that few lines cross. Equal means keep the template's order.
func (l *layout) untangle() {
	for range sweeps {
		for _, layer := range l.layers {
			reorder(layer, func(n *node) []*node { return n.in })
		}
		for n := len(l.layers) - 1; n >= 0; n-- {
			reorder(l.layers[n], func(n *node) []*node { return n.out })
		}
	}
}

func reorder(layer []*node, beside func(*node) []*node) {
	want := map[*node]float64{}
	for _, n := range layer {
		want[n] = float64(n.place)
		if others := beside(n); len(others) > 0 {
			want[n] = mean(others, func(o *node) float64 { return float64(o.place) })
		}
	}
	slices.SortStableFunc(layer, func(a, b *node) int { return cmp.Compare(want[a], want[b]) })
	for place, n := range layer {
		n.place = place
	}
}

func mean(nodes []*node, value func(*node) float64) float64 {
	sum := 0.0
	for _, n := range nodes {
		sum += value(n)
	}
	return sum / float64(len(nodes))
}

// align puts each node level with the mean of what it is connected to, as near as its neighbours in the layer allow.
func (l *layout) align() {
	for _, layer := range l.layers {
		spread(layer, make([]float64, len(layer)))
	}
	level := func(layer []*node, beside func(*node) []*node) {
		want := make([]float64, len(layer))
		for i, n := range layer {
			want[i] = n.y
			if others := beside(n); len(others) > 0 {
				want[i] = mean(others, func(o *node) float64 { return o.y })
			}
		}
		spread(layer, want)
	}
	for range sweeps {
		for _, layer := range l.layers {
			level(layer, func(n *node) []*node { return n.in })
		}
		for n := len(l.layers) - 1; n >= 0; n-- {
			level(l.layers[n], func(n *node) []*node { return n.out })
		}
	}
	for _, layer := range l.layers {
		level(layer, func(n *node) []*node { return slices.Concat(n.in, n.out) })
	}
}

// apart is how far the middles of two nodes above one another must be from each other.
func apart(a, b *node) float64 {
	gap := rowGap
	if a.step == nil || b.step == nil {
		gap = laneGap
	}
	return (a.height()+b.height())/2 + gap
}

// spread places the nodes of a layer as near to where they want to be as their distances allow: the least sum of squares,
// found by pooling neighbours that are in each other's way.
func spread(layer []*node, want []float64) {
	type pool struct {
		sum   float64
		count int
	}
	mid := func(p pool) float64 { return p.sum / float64(p.count) }
	var pools []pool
	offset := make([]float64, len(layer)) // of each node from the first, when they are packed
	for i := range layer {
		if i > 0 {
			offset[i] = offset[i-1] + apart(layer[i-1], layer[i])
		}
		pools = append(pools, pool{want[i] - offset[i], 1})
		for n := len(pools); n > 1 && mid(pools[n-2]) >= mid(pools[n-1]); n = len(pools) {
			pools = append(pools[:n-2], pool{pools[n-2].sum + pools[n-1].sum, pools[n-2].count + pools[n-1].count})
		}
	}
	i := 0
	for _, p := range pools {
		for range p.count {
			layer[i].y = mid(p) + offset[i]
			i++
		}
	}
}

// place gives everything its final coordinates: a gap between layers is as wide as the labels in it.
func (l *layout) place() {
	top, bottom := 0.0, 0.0
	for _, n := range l.nodes {
		top, bottom = min(top, n.y-n.height()/2), max(bottom, n.y+n.height()/2)
	}
	gaps := make([]float64, len(l.layers)) // behind each layer
	for i := range gaps {
		gaps[i] = layerGap
	}
	back := false
	for _, e := range l.edges {
		if e.back {
			back = true
		} else if e.label != "" {
			gaps[e.from.layer] = max(gaps[e.from.layer], labelWidth(e.label)+layerGap)
		}
	}
	x := margin
	for i, layer := range l.layers {
		for _, n := range layer {
			n.x, n.y = x, n.y-top+margin
		}
		x += boxWidth + gaps[i]
	}
	l.width, l.height = 2*margin, bottom-top+2*margin
	if len(gaps) > 0 {
		l.width = x - gaps[len(gaps)-1] + margin
	}
	if back {
		l.height += backLane
	}
}
