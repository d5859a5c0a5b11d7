package ops

import (
	"embed"
	"slices"
)

//go:embed schemas/*.json
var schemas embed.FS

// EventSchema gives the JSON Schema (draft 2020-12) of a trigger event's detail; false for any other type. The description
// of each property says in words what is expected of it: it is what a fault tells the sender. Members that a schema
// doesn't name are allowed and kept.
func EventSchema(t EventType) ([]byte, bool) {
	if !slices.Contains(EventTypes(), t) {
		return nil, false
	}
	b, err := schemas.ReadFile("schemas/" + string(t) + ".json")
	return b, err == nil
}

// TemplateSchema is the JSON Schema (draft 2020-12) of a template as people write it.
func TemplateSchema() []byte {
	b, _ := schemas.ReadFile("schemas/template.json") //nolint:errcheck // it is embedded
	return b
}
