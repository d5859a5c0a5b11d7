package rule

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"opsflow/shared/ops"
)

//go:embed builtin/*.json
var builtin embed.FS

// Builtin gives the rules that are part of the program, so that a fresh table works without seeding. A stored rule of the
// same id replaces one. The caller may change what it gets.
func Builtin() ([]*ops.Rule, error) { return ReadBuiltin(builtin) }

// ReadBuiltin reads built-in rules: the JSON files of the folder builtin.
func ReadBuiltin(files fs.FS) ([]*ops.Rule, error) {
	names, err := fs.Glob(files, "builtin/*.json")
	if err != nil {
		return nil, fmt.Errorf("list the built-in rules: %w", err)
	}
	rules := make([]*ops.Rule, len(names))
	for i, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the built-in rule %s: %w", name, err)
		}
		r, unread, _ := ops.DecodeRule(b)
		if err := ops.Invalid("built-in rule "+strings.TrimPrefix(name, "builtin/"), unread); err != nil {
			return nil, err
		}
		r.Version = 1
		rules[i] = r
	}
	return rules, nil
}

// builtinRule gives the built-in rule of an id; nil when there is none.
func (e *Engine) builtinRule(id string) (*ops.Rule, error) {
	rules, err := e.builtin()
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}
