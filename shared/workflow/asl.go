package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// What Compile uses of the Amazon States Language (https://states-language.net/spec.html), in the order in which people
// read it.

type machine struct {
	Comment string
	StartAt string
	States  states
}

type states []namedState

type namedState struct {
	name  string
	state *state
}

// MarshalJSON writes an object whose fields keep their order.
func (s states) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, n := range s {
		b.WriteByte("{,"[min(i, 1)])
		if err := e.Encode(n.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(n.state); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// check refuses a machine that Step Functions would not take, or would take for another one: of two states with one name
// the last would stand for both.
func (m *machine) check() error {
	led := map[string]bool{m.StartAt: true}
	known := map[string]bool{}
	for _, n := range m.States {
		if known[n.name] {
			return fmt.Errorf("two states are called %q", n.name)
		}
		if len([]rune(n.name)) > maxStateName {
			return fmt.Errorf("the name %q of a state has more than %d characters", n.name, maxStateName)
		}
		known[n.name] = true
		led[n.state.Next] = true
		for _, c := range n.state.Catch {
			led[c.Next] = true
		}
	}
	delete(led, "")
	for name := range led {
		if !known[name] {
			return fmt.Errorf("there is no state %q to lead to", name)
		}
	}
	for name := range known {
		if !led[name] {
			return fmt.Errorf("nothing leads to state %q", name)
		}
	}
	return nil
}

type state struct {
	Comment        string `json:",omitempty"`
	Type           string
	Resource       string            `json:",omitempty"`
	Parameters     *arguments        `json:",omitempty"`
	ResultSelector map[string]string `json:",omitempty"`
	ResultPath     json.RawMessage   `json:",omitempty"` // a path or null
	TimestampPath  string            `json:",omitempty"`
	ErrorPath      string            `json:",omitempty"`
	CausePath      string            `json:",omitempty"`
	Retry          []retrier         `json:",omitempty"`
	Catch          []catcher         `json:",omitempty"`
	Next           string            `json:",omitempty"`
	End            bool              `json:",omitempty"`
}

type arguments struct {
	FunctionName string
	Payload      payload
}

// payload is the shape of Drive, or with Error that of record-outcome's input.
type payload struct {
	InstanceID string `json:"instance_id.$"`
	Attempt    string `json:"attempt.$"`
	Step       string `json:"step,omitempty"`
	Token      string `json:"token.$,omitempty"`
	Entered    string `json:"entered.$,omitempty"`
	Retries    string `json:"retries.$,omitempty"`
	Retry      bool   `json:"retry,omitempty"`
	Error      string `json:"error.$,omitempty"`
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
	MaxDelaySeconds int    `json:",omitempty"`
	JitterStrategy  string `json:",omitempty"`
}

type catcher struct {
	ErrorEquals []string
	ResultPath  string
	Next        string
}

var null = json.RawMessage("null")

func path(p string) json.RawMessage { return json.RawMessage(`"` + p + `"`) }
