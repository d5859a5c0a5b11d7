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

var builtin = sync.OnceValues(func() ([]*ops.Template, error) { return ReadBuiltin(templateFiles) })

// ReadBuiltin reads built-in templates, by name: the JSON files of the folder templates.
func ReadBuiltin(files fs.FS) ([]*ops.Template, error) {
	names, err := fs.Glob(files, "templates/*.json") // sorted
	if err != nil {
		return nil, fmt.Errorf("list built-in templates: %w", err)
	}
	var all []*ops.Template
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
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

// builtin gives the built-in templates.
func (e *Engine) builtin() ([]*ops.Template, error) {
	if e.Builtin != nil {
		return e.Builtin, nil
	}
	return Builtin()
}

// builtinNamed gives the built-in template of a name; nil when there is none.
func (e *Engine) builtinNamed(name string) (*ops.Template, error) {
	all, err := e.builtin()
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, err
}
