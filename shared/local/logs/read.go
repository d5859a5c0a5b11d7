package logs

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"
)

// Line is one line of a log: an event of CloudWatch Logs.
type Line struct {
	At       time.Time `json:"at"`
	Function string    `json:"function"`
	Stream   string    `json:"stream"`
	Message  string    `json:"message"`

	place int64 // in the function's log, in bytes
}

// parse takes a line apart: "<time> <stream> <message>". What a crash cut off is no line.
func parse(line string) (at, stream, message string, ok bool) {
	line, whole := strings.CutSuffix(line, "\n")
	at, rest, _ := strings.Cut(line, " ")
	stream, message, ok = strings.Cut(rest, " ")
	return at, stream, message, ok && whole && len(at) == len(timeLayout)
}

// read gives the lines that begin at a place or behind it, not before since, and the place where the next will begin.
func (l *Log) read(place int64, since time.Time) (lines []Line, next int64, err error) {
	l.io.Lock()
	defer l.io.Unlock()
	l.drainLocked()
	earliest := ""
	if !since.IsZero() {
		earliest = since.UTC().Format(timeLayout)
	}
	for _, g := range []*segment{&l.old, &l.now} {
		text, err := g.from(place)
		if err != nil {
			return nil, 0, err
		}
		at := max(place, g.base)
		for len(text) > 0 {
			end := bytes.IndexByte(text, '\n') + 1
			if end == 0 {
				break
			}
			if bytes.Compare(text[:min(end, len(timeLayout))], []byte(earliest)) >= 0 {
				if line, ok := l.line(string(text[:end]), at); ok {
					lines = append(lines, line)
				}
			}
			text = text[end:]
			at += int64(end)
		}
	}
	return lines, l.now.base + l.now.size, nil
}

func (l *Log) line(text string, place int64) (Line, bool) {
	when, stream, message, ok := parse(text)
	if !ok {
		return Line{}, false
	}
	at, err := time.Parse(timeLayout, when)
	return Line{at, l.function, stream, message, place}, err == nil
}

// Query says which lines are asked for.
type Query struct {
	Function string           // empty: every function
	Since    time.Time        // zero: from the beginning
	After    map[string]int64 // by function: where an earlier Read ended
}

// Read gives the lines in the order in which they were said, and where the next Read goes on.
func (s *Store) Read(q Query) (lines []Line, next map[string]int64, err error) {
	next = map[string]int64{}
	for _, l := range s.all() {
		if q.Function != "" && l.function != q.Function {
			continue
		}
		some, end, err := l.read(q.After[l.function], q.Since)
		if err != nil {
			return nil, nil, err
		}
		lines = append(lines, some...)
		next[l.function] = end
	}
	inOrder(lines)
	return lines, next, nil
}

// inOrder sorts by time; lines of one function and instant stay as they were said.
func inOrder(lines []Line) {
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
}

// Functions are the names of all that have a log.
func (s *Store) Functions() []string {
	var out []string
	for _, l := range s.all() {
		out = append(out, l.function)
	}
	return out
}

// stream sums up a stream of a group.
type stream struct {
	name        string
	first, last time.Time
	bytes       int
}

// streams sums up lines by stream, by name.
func streams(lines []Line) []stream {
	byName := map[string]*stream{}
	for _, l := range lines {
		st := byName[l.Stream]
		if st == nil {
			st = &stream{name: l.Stream, first: l.At}
			byName[l.Stream] = st
		}
		st.last = l.At
		st.bytes += len(l.Message)
	}
	out := make([]stream, 0, len(byName))
	for _, st := range byName {
		out = append(out, *st)
	}
	slices.SortFunc(out, func(a, b stream) int { return cmp.Compare(a.name, b.name) })
	return out
}
