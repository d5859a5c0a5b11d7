package rule

import (
	"bytes"
	"slices"
	"strings"
)

// branch is a place in a document that paths lead to or through. The slots of a branch and of all below it follow one
// another, so that they can be emptied together.
type branch struct {
	name  string
	place int // name as the place in a list; -1
	below []*branch
	slot  int // where its value is put; -1 for none
	first int // the slots of everything below are first to last-1
	last  int
}

// pathTree gathers the paths of many conditions.
type pathTree struct {
	root  branch
	paths map[string][]*path
}

func (t *pathTree) add(p *path) {
	if t.paths == nil {
		t.paths = map[string][]*path{}
	}
	if t.paths[p.plain] == nil {
		at := &t.root
		for word := range strings.SplitSeq(p.plain, ".") {
			n := slices.IndexFunc(at.below, func(b *branch) bool { return b.name == word })
			if n < 0 {
				n = len(at.below)
				at.below = append(at.below, &branch{name: word, place: placeIn(word), slot: -1})
			}
			at = at.below[n]
		}
	}
	t.paths[p.plain] = append(t.paths[p.plain], p)
}

// number gives every path its slot and returns the branches of the first words.
func (t *pathTree) number() (roots []*branch, slots int) {
	var walk func(b *branch, path string)
	walk = func(b *branch, path string) {
		if users := t.paths[path]; users != nil {
			b.slot = slots
			for _, p := range users {
				p.slot = slots
			}
			slots++
		}
		b.first = slots
		for _, inner := range b.below {
			walk(inner, path+"."+inner.name)
		}
		b.last = slots
	}
	for _, b := range t.root.below {
		walk(b, b.name)
	}
	return t.root.below, slots
}

// scan reads the value that begins at i, puts what lies on a path into its slot, and gives the place after the value.
func (b *branch) scan(v []byte, i int, slots [][]byte) int {
	var end int
	switch {
	case len(b.below) > 0 && i < len(v) && v[i] == '{':
		end = b.scanObject(v, i, slots)
	case len(b.below) > 0 && i < len(v) && v[i] == '[':
		end = b.scanList(v, i, slots)
	default:
		end = skipValue(v, i)
	}
	if b.slot >= 0 {
		slots[b.slot] = v[i:end]
	}
	return end
}

func (b *branch) scanObject(v []byte, i int, slots [][]byte) int {
	i = skipSpace(v, i+1)
	for i < len(v) && v[i] == '"' {
		end := skipString(v, i)
		inner := b.member(v[i:end])
		i = skipSpace(v, end)
		if i >= len(v) || v[i] != ':' {
			return len(v)
		}
		i = skipSpace(v, i+1)
		if inner == nil {
			i = skipValue(v, i)
		} else {
			i = inner.again(v, i, slots)
		}
		i = skipComma(v, i)
	}
	return min(i+1, len(v))
}

func (b *branch) scanList(v []byte, i int, slots [][]byte) int {
	i = skipSpace(v, i+1)
	for n := 0; i < len(v) && v[i] != ']'; n++ {
		at := slices.IndexFunc(b.below, func(inner *branch) bool { return inner.place == n })
		if at < 0 {
			i = skipValue(v, i)
		} else {
			i = b.below[at].again(v, i, slots)
		}
		i = skipComma(v, i)
	}
	return min(i+1, len(v))
}

// again scans a member; of members with the same name the last one counts, so what an earlier one left is emptied.
func (b *branch) again(v []byte, i int, slots [][]byte) int {
	clear(slots[b.first:b.last])
	return b.scan(v, i, slots)
}

// member finds the branch for a quoted name.
func (b *branch) member(quoted []byte) *branch {
	if len(quoted) < 2 {
		return nil
	}
	name := quoted[1 : len(quoted)-1]
	for _, inner := range b.below {
		if string(name) == inner.name {
			return inner
		}
	}
	if bytes.IndexByte(name, '\\') < 0 {
		return nil
	}
	var room [64]byte
	said, ok := unescape(room[:0], name)
	if !ok {
		return nil
	}
	for _, inner := range b.below {
		if string(said) == inner.name {
			return inner
		}
	}
	return nil
}
