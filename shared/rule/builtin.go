package rule

import (
	"embed"
	"fmt"

	"opsflow/shared/ops"
)

//go:embed builtin/*.json
var builtin embed.FS

// Builtin gives the rules that are part of the program, so that a fresh table works without seeding. A stored rule of the
// same id replaces one. The caller may change what it gets.
func Builtin() ([]*ops.Rule, error) {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		return nil, fmt.Errorf("list the built-in rules: %w", err)
	}
	rules := make([]*ops.Rule, len(files))
	for i, f := range files {
		b, err := builtin.ReadFile("builtin/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read the built-in rule %s: %w", f.Name(), err)
		}
		r, unread, _ := ops.DecodeRule(b)
		if err := ops.Invalid("built-in rule "+f.Name(), unread); err != nil {
			return nil, err
		}
		r.Version = 1
		rules[i] = r
	}
	return rules, nil
}
