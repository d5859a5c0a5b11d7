package workflow

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"

	"opsflow/shared/ops"
)

//go:embed templates/*.json
var templateFiles embed.FS

var builtin = sync.OnceValues(readBuiltin)

func readBuiltin() ([]*ops.Template, error) {
	names, err := fs.Glob(templateFiles, "templates/*.json") // sorted
	if err != nil {
		return nil, fmt.Errorf("list built-in templates: %w", err)
	}
	var all []*ops.Template
	for _, name := range names {
		b, err := templateFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read built-in template: %w", err)
		}
		t := &ops.Template{}
		if err := json.Unmarshal(b, t); err != nil { // a test reads them as strictly as any other, so that no function needs to
			return nil, fmt.Errorf("built-in template %s: %w", name, err)
		}
		t.Version, t.Active, t.Published = 1, true, true
		all = append(all, t)
	}
	return all, nil
}

// Builtin gives the templates that are part of the program, by name, all version 1. They are shared: nobody may change
// them.
func Builtin() ([]*ops.Template, error) { return builtin() }

// builtinNamed gives the built-in template of a name; nil when there is none.
func builtinNamed(name string) (*ops.Template, error) {
	all, err := Builtin()
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, err
}
