package stack

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
)

// references lists the resources that a node refers to. SAM's generated roles count: "RunStepsRole".
func references(d *document, n ast.Node, found map[string]bool) {
	ast.Walk(visitor(func(n ast.Node) {
		tag, ok := n.(*ast.TagNode)
		if !ok {
			return
		}
		arg, ok := tag.Value.(*ast.StringNode)
		switch tag.Start.Value {
		case "!Ref":
			found[arg.Value] = ok
		case "!GetAtt":
			id, _, _ := strings.Cut(arg.Value, ".")
			found[id] = ok
		case "!Sub":
			if ok {
				for _, m := range placeholder.FindAllStringSubmatch(arg.Value, -1) {
					id, _, _ := strings.Cut(m[1], ".")
					found[id] = true
				}
			}
		}
	}), n)
	for id := range found {
		known := slices.ContainsFunc(d.resources, func(r resource) bool {
			return r.id == id || r.id+"Role" == id && (r.kind == typeFunction || r.kind == typeStateMachine)
		})
		if !known {
			delete(found, id) // a parameter
		}
	}
}

type visitor func(ast.Node)

func (v visitor) Visit(n ast.Node) ast.Visitor { v(n); return v }

// graph is what needs what after SAM's transform: a function or state machine needs its role, the role needs what its
// policies name, and what a function's events and invoke configuration make needs the function.
func graph(d *document) map[string]map[string]bool {
	edges := map[string]map[string]bool{}
	to := func(from string) map[string]bool {
		if edges[from] == nil {
			edges[from] = map[string]bool{}
		}
		return edges[from]
	}
	for _, r := range d.resources {
		for name, n := range r.properties {
			from := r.id
			if r.kind == typeFunction || r.kind == typeStateMachine {
				to(r.id)[r.id+"Role"] = true
				switch name {
				case "Policies":
					from = r.id + "Role"
				case "Events":
					from = r.id + ".Events"
					to(from)[r.id] = true
				case "EventInvokeConfig": // SAM lets the role send to the destination
					from = r.id + "Role"
				}
			}
			found := map[string]bool{}
			references(d, n, found)
			maps.Copy(to(from), found)
		}
		if r.kind == typeFunction {
			for _, n := range d.globals {
				references(d, n, to(r.id))
			}
			to(r.id)[r.id+"Role"] = true
		}
	}
	return edges
}

// cycle finds resources that need each other; nil when there are none.
func cycle(edges map[string]map[string]bool) []string {
	state := map[string]int{} // 1: on the way, 2: done
	var way []string
	var visit func(string) []string
	visit = func(id string) []string {
		switch state[id] {
		case 1:
			return append(slices.Clone(way[slices.Index(way, id):]), id)
		case 2:
			return nil
		}
		state[id] = 1
		way = append(way, id)
		for _, next := range slices.Sorted(maps.Keys(edges[id])) {
			if c := visit(next); c != nil {
				return c
			}
		}
		way = way[:len(way)-1]
		state[id] = 2
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(edges)) {
		if c := visit(id); c != nil {
			return c
		}
	}
	return nil
}

func TestNoResourceOfTheTemplateNeedsItself(t *testing.T) {
	t.Parallel()
	d, err := readDocument("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	edges := graph(d)
	if c := cycle(edges); c != nil {
		t.Errorf("these resources need each other: %s", strings.Join(c, " -> "))
	}
	for _, r := range d.resources {
		if r.kind != typeFunction {
			continue
		}
		for id := range edges[r.id] {
			if slices.ContainsFunc(d.resources, func(o resource) bool { return o.id == id && o.kind == typeStateMachine }) {
				t.Errorf("function %s refers to state machine %s: only the reverse is allowed", r.id, id)
			}
		}
	}
	// The walk must see a cycle when there is one.
	edges["RunStepsRole"]["BookingProcessing"] = true
	if cycle(edges) == nil {
		t.Error("a role that refers to a state machine which calls its function is not seen as a cycle")
	}
}
