package logs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/constraint"
)

// apiError is an error with the name that CloudWatch Logs gives it.
type apiError struct{ code, message string }

func (e *apiError) Error() string { return e.code + ": " + e.message }

func invalid(format string, args ...any) error {
	return &apiError{"InvalidParameterException", fmt.Sprintf(format, args...)}
}

// broken refuses a request that breaks constraints; nil when there are no faults.
func broken(f constraint.Faults) error {
	if f == nil {
		return nil
	}
	return invalid("%s", f.Text())
}

func notFound(what string) error {
	return &apiError{"ResourceNotFoundException", "The specified " + what + " does not exist."}
}

// handler serves what reads logs in CloudWatch Logs' JSON protocol.
type handler struct {
	store *Store
	arn   string // of a log group, before its name
}

// Handler serves DescribeLogGroups, DescribeLogStreams, FilterLogEvents and GetLogEvents: what `aws logs tail` needs, and what
// reads logs otherwise.
func Handler(s *Store, region, account string) http.Handler {
	return &handler{s, "arn:aws:logs:" + region + ":" + account + ":log-group:"}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation := awsjson.Target(r)
	out, err := h.serve(operation, json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)))
	if err != nil {
		status, known := http.StatusBadRequest, &apiError{"ServiceUnavailableException", err.Error()}
		if !errors.As(err, &known) {
			status = http.StatusInternalServerError
		}
		awsjson.Refuse(w, awsjson.Version11, status, known.code, known.message)
		return
	}
	awsjson.Answer(w, awsjson.Version11, http.StatusOK, out)
}

func (h *handler) serve(operation string, body *json.Decoder) (any, error) {
	switch operation {
	case "DescribeLogGroups":
		return serve(body, h.describeGroups)
	case "DescribeLogStreams":
		return serve(body, h.describeStreams)
	case "FilterLogEvents":
		return serve(body, h.filterEvents)
	case "GetLogEvents":
		return serve(body, h.getEvents)
	}
	return nil, &apiError{"UnknownOperationException", "CloudWatch Logs has no operation " + operation + " in the local runtime"}
}

func serve[In any](body *json.Decoder, do func(In) (any, error)) (any, error) {
	var in In
	if err := body.Decode(&in); err != nil {
		return nil, &apiError{"SerializationException", err.Error()}
	}
	return do(in)
}

// groupName is how requests name a log group.
type groupName struct {
	LogGroupName       string
	LogGroupIdentifier string // name or ARN
}

// logs gives the logs of a group. The group that Lambda would make for a function is known too when the template has the
// function log into another.
func (h *handler) logs(g groupName) ([]*Log, error) {
	name := cmp.Or(g.LogGroupName, strings.TrimSuffix(strings.TrimPrefix(g.LogGroupIdentifier, h.arn), ":*"))
	var f constraint.Faults
	if f.Required("logGroupName", name); f != nil {
		return nil, broken(f)
	}
	var out, own []*Log
	for _, l := range h.store.all() {
		if l.Group() == name {
			out = append(out, l)
		}
		if defaultGroup+l.function == name {
			own = append(own, l)
		}
	}
	if out == nil {
		out = own
	}
	if out == nil {
		return nil, notFound("log group")
	}
	return out, nil
}

// lines gives all lines of logs.
func lines(logs []*Log) ([]Line, error) {
	var all []Line
	for _, l := range logs {
		some, _, err := l.read(0, zeroTime)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	inOrder(all)
	return all, nil
}
