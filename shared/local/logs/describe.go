package logs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/local/constraint"
)

type groupOut struct {
	Name    string `json:"logGroupName"`
	ARN     string `json:"arn"` // with ":*", as AWS has it
	Group   string `json:"logGroupArn"`
	Class   string `json:"logGroupClass"`
	Made    int64  `json:"creationTime"`
	Bytes   int64  `json:"storedBytes"`
	Filters int    `json:"metricFilterCount"`
}

type groupsIn struct {
	LogGroupNamePrefix  string
	LogGroupNamePattern string
	Limit               int
	NextToken           string
}

func (h *handler) describeGroups(in groupsIn) (any, error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	byName := map[string]*groupOut{}
	for _, l := range h.store.all() {
		name := l.Group()
		if !strings.HasPrefix(name, in.LogGroupNamePrefix) ||
			!strings.Contains(strings.ToLower(name), strings.ToLower(in.LogGroupNamePattern)) {
			continue
		}
		g := byName[name]
		if g == nil {
			g = &groupOut{Name: name, ARN: h.arn + name + ":*", Group: h.arn + name, Class: "STANDARD", Made: l.made.UnixMilli()}
			byName[name] = g
		}
		g.Bytes += l.bytes()
	}
	groups := make([]groupOut, 0, len(byName))
	for _, g := range byName {
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b groupOut) int { return cmp.Compare(a.Name, b.Name) })
	part, next, err := page(groups, in.Limit, 50, in.NextToken)
	return struct {
		Groups []groupOut `json:"logGroups"`
		Next   string     `json:"nextToken,omitempty"`
	}{part, next}, err
}

func (l *Log) bytes() int64 {
	l.io.Lock()
	defer l.io.Unlock()
	l.drainLocked()
	return l.old.size + l.now.size
}

type streamOut struct {
	Name     string `json:"logStreamName"`
	ARN      string `json:"arn"`
	Made     int64  `json:"creationTime"`
	First    int64  `json:"firstEventTimestamp"`
	Last     int64  `json:"lastEventTimestamp"`
	Ingested int64  `json:"lastIngestionTime"`
	Bytes    int    `json:"storedBytes"`
}

type streamsIn struct {
	groupName

	LogStreamNamePrefix string
	OrderBy             string
	Descending          bool
	Limit               int
	NextToken           string
}

func (h *handler) describeStreams(in streamsIn) (any, error) {
	var f constraint.Faults
	if f.Enum("orderBy", cmp.Or(in.OrderBy, "LogStreamName"), "LogStreamName", "LastEventTime"); f != nil {
		return nil, broken(f)
	}
	if in.OrderBy == "LastEventTime" && in.LogStreamNamePrefix != "" {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	logs, err := h.logs(in.groupName)
	if err != nil {
		return nil, err
	}
	all, err := lines(logs)
	if err != nil {
		return nil, err
	}
	out := []streamOut{}
	for _, st := range streams(all) {
		if strings.HasPrefix(st.name, in.LogStreamNamePrefix) {
			out = append(out, streamOut{
				Name: st.name, ARN: h.arn + logs[0].Group() + ":log-stream:" + st.name, Made: st.first.UnixMilli(),
				First: st.first.UnixMilli(), Last: st.last.UnixMilli(), Ingested: st.last.UnixMilli(), Bytes: st.bytes,
			})
		}
	}
	if in.OrderBy == "LastEventTime" {
		slices.SortStableFunc(out, func(a, b streamOut) int { return cmp.Compare(a.Last, b.Last) })
	}
	if in.Descending {
		slices.Reverse(out)
	}
	part, next, err := page(out, in.Limit, 50, in.NextToken)
	return struct {
		Streams []streamOut `json:"logStreams"`
		Next    string      `json:"nextToken,omitempty"`
	}{part, next}, err
}

// page cuts a list; the token is how many were given.
func page[T any](all []T, limit, most int, token string) (part []T, next string, err error) {
	limit = cmp.Or(limit, most)
	var f constraint.Faults
	if f.Range("limit", limit, 1, most); f != nil {
		return nil, "", broken(f)
	}
	from := 0
	if token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 {
			return nil, "", invalid("The specified nextToken is invalid.")
		}
	}
	end := min(from+limit, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[min(from, end):end], next, nil
}
