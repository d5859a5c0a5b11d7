package workflow

import (
	"bytes"
	"encoding/json"
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
