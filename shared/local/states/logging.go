package states

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// fatalEvents are those of the log level FATAL. ERROR has besides everything that failed, was aborted or timed out.
var fatalEvents = []string{"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"}

// logs reports whether a log level has events of a type.
func (l *Logging) logs(kind string) bool {
	switch l.Level {
	case "ALL":
		return true
	case "ERROR":
		return kind == "FailStateEntered" || strings.HasSuffix(kind, "Failed") || strings.HasSuffix(kind, "Aborted") || strings.HasSuffix(kind, "TimedOut")
	case "FATAL":
		return slices.Contains(fatalEvents, kind)
	default:
		return false
	}
}

// groups are the names of the log groups that a history goes to.
func (l *Logging) groups() []string {
	var names []string
	for _, d := range l.Destinations {
		_, name, _ := strings.Cut(d.LogGroup.ARN, ":log-group:")
		names = append(names, strings.TrimSuffix(name, ":*"))
	}
	return names
}

// logged is an event of a history, as Step Functions writes it into CloudWatch Logs.
type logged struct {
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Details      json.RawMessage `json:"details"`
	RedriveCount string          `json:"redrive_count"`
	PreviousID   string          `json:"previous_event_id"`
	Timestamp    string          `json:"event_timestamp"`
	ExecutionARN string          `json:"execution_arn"`
	MapRunARN    string          `json:"map_run_arn,omitempty"`
}

// logEvents writes what a stored burst adds to the history where the state machine's loggingConfiguration says.
func (x *execution) logEvents() {
	l := x.rec.Settings.Logging
	if l == nil || x.e.keepLog == nil || len(x.events) == 0 {
		return
	}
	var out []string
	for _, h := range x.events {
		if !l.logs(h.Type) {
			continue
		}
		details := h.Details
		if len(details) == 0 {
			details = json.RawMessage("{}")
		}
		one := logged{
			ID: strconv.FormatInt(h.ID, 10), Type: h.Type, Details: mustJSON(detailsFor(details, l.IncludeExecutionData)),
			RedriveCount: strconv.Itoa(x.rec.Redrives), PreviousID: strconv.FormatInt(h.PreviousID, 10),
			Timestamp: strconv.FormatInt(h.Millis, 10), ExecutionARN: x.arn,
		}
		if x.rec.MapRun != "" {
			one.MapRunARN = x.e.mapRunARN(x.rec.MapRun)
		}
		out = append(out, string(mustJSON(one)))
	}
	if len(out) == 0 {
		return
	}
	stream := "states/" + baseMachine(x.rec.Machine) + "/" + x.e.now().UTC().Format("2006-01-02-15")
	for _, group := range l.groups() {
		x.effects = append(x.effects, func() { x.e.keepLog(group, stream, out) })
	}
}
