package logs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/local/constraint"
)

// maxEvents is how many events one answer has at most.
const maxEvents = 10_000

var zeroTime time.Time

type filterIn struct {
	groupName

	LogStreamNames      []string
	LogStreamNamePrefix string
	StartTime, EndTime  *int64 // milliseconds
	FilterPattern       string
	Limit               int
	NextToken           string
}

type eventOut struct {
	Stream   string `json:"logStreamName,omitempty"`
	At       int64  `json:"timestamp"`
	Message  string `json:"message"`
	Ingested int64  `json:"ingestionTime"`
	ID       string `json:"eventId,omitempty"`
}

// key orders the lines of a group: by time, then by function, then as they were said.
func (l *Line) key() string {
	return fmt.Sprintf("%014d/%s/%014d", l.At.UnixMilli(), l.Function, l.place)
}

func (h *handler) filterEvents(in filterIn) (any, error) {
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
	}
	var faults constraint.Faults
	if faults.Range("limit", cmp.Or(in.Limit, maxEvents), 1, maxEvents); faults != nil {
		return nil, broken(faults)
	}
	f, err := parseFilter(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	logs, err := h.logs(in.groupName)
	if err != nil {
		return nil, err
	}
	since, until := span(in.StartTime, in.EndTime)
	out := struct {
		Events   []eventOut `json:"events"`
		Searched []struct{} `json:"searchedLogStreams"` // empty at AWS too, these days
		Next     string     `json:"nextToken,omitempty"`
	}{[]eventOut{}, []struct{}{}, ""}
	var all []Line
	for _, l := range logs {
		some, _, err := l.read(0, since)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	inOrder(all)
	limit := cmp.Or(in.Limit, maxEvents)
	last := ""
	for _, l := range all {
		if !until.IsZero() && !l.At.Before(until) || !f.matches(l.Message) || !strings.HasPrefix(l.Stream, in.LogStreamNamePrefix) ||
			len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, l.Stream) {
			continue
		}
		key := l.key()
		if in.NextToken != "" && key <= in.NextToken {
			continue
		}
		if len(out.Events) == limit {
			out.Next = last
			break
		}
		last = key
		at := l.At.UnixMilli()
		out.Events = append(out.Events, eventOut{l.Stream, at, l.Message, at, eventID(&l)})
	}
	return out, nil
}

// eventID is digits alone, as at AWS, and the same each time.
func eventID(l *Line) string {
	sum := uint32(0)
	for _, c := range []byte(l.Function) {
		sum = sum*31 + uint32(c)
	}
	return fmt.Sprintf("%016d%010d%014d", l.At.UnixMilli(), sum, l.place)
}

// span is from the first time, to before the second.
func span(start, end *int64) (since, until time.Time) {
	if start != nil {
		since = time.UnixMilli(*start)
	}
	if end != nil {
		until = time.UnixMilli(*end)
	}
	return since, until
}

type getIn struct {
	groupName

	LogStreamName      string
	StartTime, EndTime *int64
	StartFromHead      bool
	Limit              int
	NextToken          string
}

func (h *handler) getEvents(in getIn) (any, error) {
	var faults constraint.Faults
	if faults.Range("limit", cmp.Or(in.Limit, maxEvents), 1, maxEvents); faults != nil {
		return nil, broken(faults)
	}
	logs, err := h.logs(in.groupName)
	if err != nil {
		return nil, err
	}
	all, err := lines(logs)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(l Line) bool { return l.Stream != in.LogStreamName })
	if len(all) == 0 {
		return nil, notFound("log stream")
	}
	since, until := span(in.StartTime, in.EndTime)
	all = slices.DeleteFunc(all, func(l Line) bool { return l.At.Before(since) || !until.IsZero() && !l.At.Before(until) })
	first, end, err := part(all, in)
	if err != nil {
		return nil, err
	}
	out := struct {
		Events   []eventOut `json:"events"`
		Forward  string     `json:"nextForwardToken"`
		Backward string     `json:"nextBackwardToken"`
	}{[]eventOut{}, "f/" + place(all, end), "b/" + place(all, first)}
	for _, l := range all[first:end] {
		at := l.At.UnixMilli()
		out.Events = append(out.Events, eventOut{At: at, Message: l.Message, Ingested: at})
	}
	return out, nil
}

// part is what a request for a stream's lines gets of them: those before or behind its token, up to its limit.
func part(all []Line, in getIn) (first, end int, err error) {
	limit := cmp.Or(in.Limit, maxEvents)
	direction, text, _ := strings.Cut(in.NextToken, "/")
	forward, at := in.StartFromHead, 0
	if in.NextToken != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || direction != "f" && direction != "b" {
			return 0, 0, invalid("The specified nextToken is invalid.")
		}
		forward = direction == "f"
		at, _ = slices.BinarySearchFunc(all, n, func(l Line, n int64) int { return cmp.Compare(l.place, n) })
	} else if !forward {
		at = len(all)
	}
	if forward {
		return at, min(at+limit, len(all)), nil
	}
	return max(at-limit, 0), at, nil
}

// place is where a line begins; behind the last, where the next may.
func place(all []Line, i int) string {
	switch {
	case i < len(all):
		return strconv.FormatInt(all[i].place, 10)
	case len(all) == 0:
		return "0"
	}
	return strconv.FormatInt(all[len(all)-1].place+1, 10)
}
