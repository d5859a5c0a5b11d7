package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"opsflow/shared/ops"
)

// Schemas checks events against their JSON Schemas. Each is compiled when its first event comes: a function that only ever
// sees bookings never pays for the others. The zero value is ready; it is safe for concurrent use.
type Schemas struct {
	mu       sync.Mutex
	compiled map[ops.EventType]*shape
}

// Validate lists everything that is wrong with an event, with JSON paths from the envelope's root ("$.detail.booking_id").
// An error is a defect of the program, never of the event.
func (s *Schemas) Validate(env ops.Envelope) ([]ops.Fault, error) {
	var faults []ops.Fault
	if !ops.ValidID(env.ID) {
		faults = append(faults, ops.Fault{
			Path: "$.id", Expected: "a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -", Got: quoted(env.ID),
		})
	}
	schema, err := s.get(ops.EventType(env.DetailType))
	if err != nil {
		return nil, err
	}
	if schema == nil {
		return append(faults, ops.Fault{
			Path: "$.detail-type", Expected: "one of " + joinEvents(), Got: quoted(env.DetailType),
		}), nil
	}
	if len(env.Detail) > MaxDetail {
		return append(faults, ops.Fault{
			Path: "$.detail", Expected: fmt.Sprintf("at most %d bytes of JSON", MaxDetail), Got: fmt.Sprintf("%d bytes", len(env.Detail)),
		}), nil
	}
	doc, err := decodeJSON(env.Detail)
	if err != nil {
		return append(faults, ops.Fault{Path: "$.detail", Expected: "a JSON object", Got: quoted(string(env.Detail))}), nil //nolint:nilerr // it is a fault
	}
	if unfit := Unkeepable(doc, "$.detail"); len(unfit) > 0 {
		return append(faults, unfit...), nil
	}
	if _, ok := doc.(map[string]any); !ok {
		return append(faults, ops.Fault{Path: "$.detail", Expected: "a JSON object", Got: string(shown(mustJSON(doc)))}), nil
	}
	return schema.faults(doc, "$.detail", faults), nil
}

// decodeJSON reads one JSON value, its numbers as they are written (json.Number).
func decodeJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err //nolint:wrapcheck // the caller knows what it read
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// get gives the compiled schema of a type; nil for a type that has none.
func (s *Schemas) get(t ops.EventType) (*shape, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if schema, ok := s.compiled[t]; ok {
		return schema, nil
	}
	schema, err := schemaOf(t)
	if err != nil || schema == nil {
		return nil, err
	}
	if s.compiled == nil {
		s.compiled = map[ops.EventType]*shape{}
	}
	s.compiled[t] = schema
	return schema, nil
}

// schemaOf compiles the schema of a type; nil for a type that has none.
func schemaOf(t ops.EventType) (*shape, error) {
	text, ok := ops.EventSchema(t)
	if !ok || !slices.Contains(ops.EventTypes(), t) {
		return nil, nil //nolint:nilnil // no schema is an answer
	}
	schema, err := compileShape(text)
	if err != nil {
		return nil, fmt.Errorf("compile the schema of %s: %w", t, err)
	}
	return schema, nil
}

func joinEvents() string {
	names := make([]string, len(ops.EventTypes()))
	for i, t := range ops.EventTypes() {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}
