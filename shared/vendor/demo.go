package vendor

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"opsflow/shared/ops"
)

//go:embed demo.json
var demo []byte

// Demo gives a small set of made-up vendors to try the system with.
func Demo() ([]*ops.Vendor, error) {
	var vs []*ops.Vendor
	if err := json.Unmarshal(demo, &vs); err != nil {
		return nil, fmt.Errorf("read the demo vendors: %w", err)
	}
	return vs, nil
}
