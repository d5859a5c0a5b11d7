package ops

import "encoding/json"

// Condition is a question about an event, a subject or a workflow: a leaf that compares the value at a path, or all, any
// or none of others. A missing or mistyped value makes a leaf false, never an error. The zero Condition is always true.
type Condition struct {
	All []Condition `json:"all,omitempty"`
	Any []Condition `json:"any,omitempty"`
	Not *Condition  `json:"not,omitempty"`

	Path  string          `json:"path,omitempty"` // "detail.service_value", "subject.status", "context.amount"
	Op    Op              `json:"op,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Op compares the value at a path with the leaf's own.
type Op string

// The operators. Numbers compare as exact decimals, texts by code point, times as instants.
const (
	OpExists     Op = "exists" // present and not null; no value
	OpAbsent     Op = "absent" // missing or null; no value
	OpEq         Op = "eq"
	OpNe         Op = "ne" // true only for a present value of the same type that differs
	OpGt         Op = "gt"
	OpGte        Op = "gte"
	OpLt         Op = "lt"
	OpLte        Op = "lte"
	OpBetween    Op = "between" // value [low, high], both included
	OpIn         Op = "in"      // value is a list
	OpNotIn      Op = "not_in"
	OpContains   Op = "contains" // a text in a text, a member of a list
	OpStartsWith Op = "starts_with"
	OpEndsWith   Op = "ends_with"
	OpMatches    Op = "matches" // RE2 regular expression
	OpBefore     Op = "before"  // RFC 3339
	OpAfter      Op = "after"
)

// Ops lists the operators.
func Ops() []Op {
	return []Op{
		OpExists, OpAbsent, OpEq, OpNe, OpGt, OpGte, OpLt, OpLte, OpBetween, OpIn, OpNotIn, OpContains,
		OpStartsWith, OpEndsWith, OpMatches, OpBefore, OpAfter,
	}
}

// IsZero reports whether the condition asks nothing.
func (c *Condition) IsZero() bool {
	return c == nil || (c.All == nil && c.Any == nil && c.Not == nil && c.Path == "" && c.Op == "" && c.Value == nil)
}

// Leaf is the comparison that decided a condition, with the value it saw.
type Leaf struct {
	Path string          `json:"path"`
	Op   Op              `json:"op"`
	Want json.RawMessage `json:"want,omitempty"`
	Got  json.RawMessage `json:"got,omitempty"` // absent when there was no value
}
