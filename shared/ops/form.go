package ops

import "encoding/json"

// Forms knows JSON Schema, the language of forms. It is a contract because only programs in which people answer link the
// library for it (package task/form): to the others it would cost 3 ms of each cold start.
type Forms interface {
	// Check tells why a form is no JSON Schema. No form is fine.
	Check(form json.RawMessage) error
	// Faults tells what is wrong with the answers to a form, by path under at ("$.form"). No answers are an empty object;
	// where there is no form, any object will do. An error means that the form is none.
	Faults(form, answers json.RawMessage, at string) ([]Fault, error)
}
