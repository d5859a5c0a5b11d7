package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"

	"opsflow/shared/ops"
)

// Schemas checks events against their JSON Schemas. Each is compiled when its first event comes: a function that only ever
// sees bookings never pays for the others. The zero value is ready; it is safe for concurrent use.
type Schemas struct {
	mu       sync.Mutex
	compiled map[ops.EventType]*jsonschema.Schema
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
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(env.Detail))
	if err != nil {
		return append(faults, ops.Fault{Path: "$.detail", Expected: "a JSON object", Got: quoted(string(env.Detail))}), nil //nolint:nilerr // it is a fault
	}
	if unfit := Unkeepable(doc, "$.detail"); len(unfit) > 0 {
		return append(faults, unfit...), nil
	}
	err = schema.Validate(doc)
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		c := faultCollector{schema: schema, doc: doc, faults: faults}
		c.collect(invalid)
		return c.faults, nil
	}
	if err != nil {
		return nil, fmt.Errorf("validate %s: %w", env.DetailType, err)
	}
	return faults, nil
}

// get gives the compiled schema of a type; nil for a type that has none.
func (s *Schemas) get(t ops.EventType) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if schema, ok := s.compiled[t]; ok {
		return schema, nil
	}
	text, ok := ops.EventSchema(t)
	if !ok || !slices.Contains(ops.EventTypes(), t) {
		return nil, nil //nolint:nilnil // no schema is an answer
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", t, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: validTime})
	if err := c.AddResource(string(t)+".json", doc); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", t, err)
	}
	schema, err := c.Compile(string(t) + ".json")
	if err != nil {
		return nil, fmt.Errorf("compile the schema of %s: %w", t, err)
	}
	if s.compiled == nil {
		s.compiled = map[ops.EventType]*jsonschema.Schema{}
	}
	s.compiled[t] = schema
	return schema, nil
}

// validTime accepts the times that the rest of the program can read: the schema library's own check also takes leap
// seconds, which time.Parse refuses.
func validTime(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil // not a text: the type is what is wrong
	}
	_, err := time.Parse(time.RFC3339, s)
	return err
}

// faultCollector turns the library's tree of errors into faults: one for each place, in the words of the schema.
type faultCollector struct {
	schema *jsonschema.Schema
	doc    any
	faults []ops.Fault
}

func (c *faultCollector) collect(e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			c.collect(cause)
		}
		return
	}
	if missing, ok := e.ErrorKind.(*keyword.Required); ok {
		for _, name := range missing.Missing {
			c.add(append(slices.Clone(e.InstanceLocation), name), "nothing")
		}
		return
	}
	got, err := json.Marshal(valueAt(c.doc, e.InstanceLocation))
	if err != nil {
		got = nil
	}
	c.add(e.InstanceLocation, string(shown(got)))
}

func (c *faultCollector) add(location []string, got string) {
	path, schema := "$.detail", c.schema
	for _, name := range location {
		path += "." + name
		if schema != nil {
			schema = schema.Properties[name]
		}
	}
	for _, f := range c.faults {
		if f.Path == path {
			return
		}
	}
	expected := "a value that its schema allows"
	switch {
	case len(location) == 0:
		expected = "a JSON object"
	case schema != nil && schema.Description != "":
		expected = schema.Description
	}
	c.faults = append(c.faults, ops.Fault{Path: path, Expected: expected, Got: got})
}

func valueAt(doc any, location []string) any {
	for _, name := range location {
		object, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = object[name]
	}
	return doc
}

func joinEvents() string {
	names := make([]string, len(ops.EventTypes()))
	for i, t := range ops.EventTypes() {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}
