package workflow

import (
	"embed"
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
		t, err := ops.DecodeTemplate(b)
		if err != nil {
			return nil, fmt.Errorf("built-in template %s: %w", name, err)
		}
		// A test checks the forms, so that no function needs to.
		if err := ops.Invalid("template", faults(t, nil)); err != nil {
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
