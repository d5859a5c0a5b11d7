package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"opsflow/shared/local/boundary"
	"opsflow/shared/ops"
)

// Kind is what happens to a call.
type Kind string

// The kinds.
const (
	Drop       Kind = "drop"        // it does not arrive, and who made it hears nothing
	Delay      Kind = "delay"       // it arrives later, by By
	Duplicate  Kind = "duplicate"   // it is carried out a second time, By after the first
	Reorder    Kind = "reorder"     // it waits until another call that the fault matches has overtaken it, for By at most
	Throttle   Kind = "throttle"    // the service refuses it for load, as it does
	AnswerLost Kind = "answer_lost" // it is carried out, and who made it hears nothing
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Drop, Delay, Duplicate, Reorder, Throttle, AnswerLost} }

// timed reports whether By means something to the kind.
func (k Kind) timed() bool { return k == Delay || k == Duplicate || k == Reorder }

// Fault says what happens to which calls. An empty field matches every call.
type Fault struct {
	Kind        Kind
	Service     string  // as IAM's actions begin: dynamodb, events, lambda, states, ...
	Operation   string  // such as PutItem; of a table's writes that are a transaction: TransactWriteItems
	Function    string  // name of the function that is invoked or that makes the call
	Probability float64 // above 0, at most 1
	Times       int     // most often that it happens; 0: without end
	By          time.Duration
}

// defaultBy is how long a reordered call waits at most when nothing is said.
const defaultBy = time.Minute

// Plan is a list of faults and the seed that they are drawn by. Of the faults that match a call, the first one that is drawn
// happens to it.
type Plan struct {
	Seed   uint64
	Faults []Fault
}

// entry is a Fault as JSON has it.
type entry struct {
	Kind        Kind     `json:"kind"`
	Service     string   `json:"service,omitempty"`
	Operation   string   `json:"operation,omitempty"`
	Function    string   `json:"function,omitempty"`
	Probability *float64 `json:"probability,omitempty"`
	Times       int      `json:"times,omitempty"`
	By          string   `json:"by,omitempty"`
}

func (f Fault) entry() entry {
	e := entry{Kind: f.Kind, Service: f.Service, Operation: f.Operation, Function: f.Function, Probability: &f.Probability, Times: f.Times}
	if f.By > 0 {
		e.By = f.By.String()
	}
	return e
}

// fields are those of each part of the document, with what is expected of them.
var (
	planFields = map[string]string{"seed": "a whole number, 0 or more", "faults": "a list of faults"}
	ownFields  = map[string]string{
		"kind": "", "service": "", "operation": "", "function": "the name of a function, such as opsflow-run-steps", "probability": "a number above 0, at most 1",
		"times": "a whole number above 0", "by": "a duration above 0, like 30s or 5m",
	}
)

// Parse reads a plan: {"seed":7,"faults":[{"kind":"throttle","service":"dynamodb","operation":"PutItem","probability":0.1}]}.
// Without a probability a fault happens to every call that it matches. CodeInvalid names each field that is wrong.
func Parse(text []byte) (Plan, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return Plan{}, ops.Invalid("faults", []ops.Fault{{
			Path: "$", Expected: `an object like {"seed":7,"faults":[{"kind":"drop","service":"events"}]}`, Got: ops.Shown(string(text)),
		}})
	}
	r := &reader{}
	r.unknown("$", fields, planFields)
	plan := Plan{}
	r.read("$.seed", fields["seed"], &plan.Seed, planFields["seed"])
	var list []map[string]json.RawMessage
	r.read("$.faults", fields["faults"], &list, planFields["faults"])
	for i, one := range list {
		plan.Faults = append(plan.Faults, r.fault(fmt.Sprintf("$.faults[%d]", i), one))
	}
	if err := ops.Invalid("faults", r.faults); err != nil {
		return Plan{}, err
	}
	return plan, nil
}

// reader collects what is wrong with a document.
type reader struct{ faults []ops.Fault }

func (r *reader) wrong(path, expected string, got any) {
	r.faults = append(r.faults, ops.Fault{Path: path, Expected: expected, Got: ops.Shown(got)})
}

func (r *reader) unknown(path string, fields map[string]json.RawMessage, known map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := known[name]; !ok {
			r.wrong(path+"."+name, "absent: there is no such field", fields[name])
		}
	}
}

// read reads a field, if it is there, and says whether it is as expected.
func (r *reader) read(path string, text json.RawMessage, into any, expected string) bool {
	if text == nil {
		return true
	}
	if string(text) == "null" || json.Unmarshal(text, into) != nil {
		r.wrong(path, expected, text)
		return false
	}
	return true
}

func (r *reader) fault(path string, fields map[string]json.RawMessage) Fault {
	r.unknown(path, fields, ownFields)
	var e entry
	text := func(name, expected string, into *string) {
		if r.read(path+"."+name, fields[name], into, expected) && fields[name] != nil && *into == "" {
			r.wrong(path+"."+name, expected+", or absent", "")
		}
	}
	kinds := oneOf(Kinds())
	kind := ""
	if fields["kind"] == nil {
		r.faults = append(r.faults, ops.Fault{Path: path + ".kind", Expected: kinds, Got: "nothing"})
	} else if r.read(path+".kind", fields["kind"], &kind, kinds) && !slices.Contains(Kinds(), Kind(kind)) {
		r.wrong(path+".kind", kinds, kind)
	}
	services := oneOf(boundary.Services())
	text("service", services, &e.Service)
	if e.Service != "" && !boundary.Known(e.Service) {
		r.wrong(path+".service", services, e.Service)
	}
	text("operation", "an operation as the API has it, such as PutItem", &e.Operation)
	text("function", ownFields["function"], &e.Function)
	f := Fault{Kind: Kind(kind), Service: e.Service, Operation: e.Operation, Function: e.Function, Probability: 1}
	if r.read(path+".probability", fields["probability"], &f.Probability, ownFields["probability"]) && (f.Probability <= 0 || f.Probability > 1) {
		r.wrong(path+".probability", ownFields["probability"], f.Probability)
	}
	if r.read(path+".times", fields["times"], &f.Times, ownFields["times"]) && fields["times"] != nil && f.Times <= 0 {
		r.wrong(path+".times", ownFields["times"], f.Times)
	}
	var err error
	if f.By, err = r.by(path+".by", f.Kind, fields["by"]); err != nil {
		r.wrong(path+".by", err.Error(), fields["by"])
	}
	return f
}

// by reads how long a fault takes. The error is what was expected.
func (r *reader) by(path string, kind Kind, text json.RawMessage) (time.Duration, error) {
	if text == nil {
		if kind == Delay {
			r.faults = append(r.faults, ops.Fault{Path: path, Expected: ownFields["by"], Got: "nothing"})
		}
		if kind == Reorder {
			return defaultBy, nil
		}
		return 0, nil
	}
	if kind != "" && !kind.timed() {
		return 0, fmt.Errorf("absent: %s takes no time", kind)
	}
	s := ""
	if json.Unmarshal(text, &s) != nil {
		return 0, errors.New(ownFields["by"])
	}
	by, err := time.ParseDuration(s)
	if err != nil || by <= 0 {
		return 0, errors.New(ownFields["by"])
	}
	return by, nil
}

func oneOf[T ~string](list []T) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
