package httpapi

import (
	"encoding/json"
	"fmt"

	_ "embed"

	"github.com/danielgtaylor/huma/v2"
)

// openapi_examples.json has for each operation that takes a body one that it takes.
//
//go:embed openapi_examples.json
var exampleBodies []byte

// describeBodies adds the examples, and takes away what huma says and readBody refuses.
func describeBodies(paths map[string]*huma.PathItem) error {
	var examples map[string]json.RawMessage
	if err := json.Unmarshal(exampleBodies, &examples); err != nil {
		return fmt.Errorf("read the examples of bodies: %w", err)
	}
	for _, path := range paths {
		for _, op := range []*huma.Operation{path.Post, path.Put} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			delete(op.RequestBody.Content, "application/octet-stream") // where a body is wanted as text too
			if example, ok := examples[op.OperationID]; ok {
				op.RequestBody.Content["application/json"].Example = example
			}
		}
	}
	return nil
}
