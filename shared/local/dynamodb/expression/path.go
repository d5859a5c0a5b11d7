package expression

import (
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/local/dynamodb/attribute"
)

// Path leads to a value inside of an item: an attribute, then members of maps and elements of lists.
type Path []Element

// Element is one step of a Path: a member's name, or a place in a list.
type Element struct {
	Name    string
	Index   int
	ByIndex bool
}

// String writes a path as messages do: [m, k, [0]].
func (p Path) String() string {
	parts := make([]string, len(p))
	for i, e := range p {
		parts[i] = e.Name
		if e.ByIndex {
			parts[i] = "[" + strconv.Itoa(e.Index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// Get gives the value that a path leads to; none when it leads nowhere.
func (p Path) Get(item attribute.Item) attribute.Value {
	v := item[p[0].Name]
	for _, e := range p[1:] {
		switch {
		case e.ByIndex && v.Kind == attribute.List && e.Index < len(v.Items):
			v = v.Items[e.Index]
		case !e.ByIndex && v.Kind == attribute.Map:
			v = v.Map[e.Name]
		default:
			return attribute.Value{}
		}
	}
	return v
}

// checkApart refuses paths of which one leads through the other, or which take one thing both for a map and for a list.
func checkApart(clause string, paths []Path) error {
	for j, later := range paths {
		for _, earlier := range paths[:j] {
			n := 0
			for n < len(earlier) && n < len(later) && earlier[n] == later[n] {
				n++
			}
			switch {
			case n == len(earlier) || n == len(later):
				return invalid(clause, "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", earlier, later)
			case earlier[n].ByIndex != later[n].ByIndex:
				return invalid(clause, "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", earlier, later)
			}
		}
	}
	return nil
}

// Project gives what an item has under some paths, in the item's shape; lists close up.
func Project(item attribute.Item, paths []Path) attribute.Item {
	out := attribute.Item{}
	for name, branches := range byName(paths) {
		if v, ok := item[name]; ok {
			if v, ok = projectValue(v, branches); ok {
				out[name] = v
			}
		}
	}
	return out
}

// byName sorts paths by the member they begin with, without that.
func byName(paths []Path) map[string][]Path {
	out := map[string][]Path{}
	for _, p := range paths {
		out[p[0].Name] = append(out[p[0].Name], p[1:])
	}
	return out
}

func projectValue(v attribute.Value, branches []Path) (attribute.Value, bool) {
	switch {
	case len(branches[0]) == 0: // paths do not overlap: this is the only one
		return v, true
	case branches[0][0].ByIndex && v.Kind == attribute.List:
		out := attribute.Value{Kind: attribute.List, Items: []attribute.Value{}}
		byIndex := map[int][]Path{}
		var order []int
		for _, b := range branches {
			if _, seen := byIndex[b[0].Index]; !seen {
				order = append(order, b[0].Index)
			}
			byIndex[b[0].Index] = append(byIndex[b[0].Index], b[1:])
		}
		slices.Sort(order)
		for _, i := range order {
			if i < len(v.Items) {
				if part, ok := projectValue(v.Items[i], byIndex[i]); ok {
					out.Items = append(out.Items, part)
				}
			}
		}
		return out, len(out.Items) > 0
	case !branches[0][0].ByIndex && v.Kind == attribute.Map:
		out := attribute.Value{Kind: attribute.Map, Map: Project(v.Map, branches)}
		return out, len(out.Map) > 0
	default:
		return attribute.Value{}, false
	}
}
