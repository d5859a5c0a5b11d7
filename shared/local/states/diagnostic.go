package states

import (
	"fmt"
	"strings"
)

// Diagnostic is one thing wrong with a definition, as ValidateStateMachineDefinition reports it.
type Diagnostic struct {
	Severity string `json:"severity"` // ERROR or WARNING
	Code     string `json:"code"`
	Message  string `json:"message"`
	Location string `json:"location,omitempty"`
}

// Codes of diagnostics.
const (
	codeSchema      = "SCHEMA_VALIDATION_FAILED"
	codeNotJSON     = "INVALID_JSON_DESCRIPTION"
	codeTransition  = "MISSING_TRANSITION_TARGET"
	codeNoEnd       = "MISSING_END_STATE"
	codeDuplicate   = "DUPLICATE_STATE_NAME"
	codeUnsupported = "UNSUPPORTED_QUERY_LANGUAGE"
)

type diagnostics []Diagnostic

func (d *diagnostics) add(code, at, format string, args ...any) {
	*d = append(*d, Diagnostic{Severity: "ERROR", Code: code, Message: fmt.Sprintf(format, args...), Location: at})
}

func (d *diagnostics) schema(at, format string, args ...any) { d.add(codeSchema, at, format, args...) }

// message is all diagnostics in one line, as CreateStateMachine answers them.
func (d *diagnostics) message() string {
	parts := make([]string, len(*d))
	for i, one := range *d {
		parts[i] = one.Code + ": " + one.Message
		if one.Location != "" {
			parts[i] += " at " + one.Location
		}
	}
	return "Invalid State Machine Definition: '" + strings.Join(parts, ", ") + "'"
}
