package vendor

import (
	_ "embed"
	"encoding/json"

	"opsflow/shared/ops"
)

//go:embed demo.json
var demo []byte

// Demo gives a small set of made-up vendors to try the system with, new ones at each call.
func Demo() []*ops.Vendor {
	var vs []*ops.Vendor
	if err := json.Unmarshal(demo, &vs); err != nil {
		panic("vendor: demo.json is part of the program and broken: " + err.Error())
	}
	return vs
}
