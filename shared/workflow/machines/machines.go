// Package machines writes the state machines of templates, as template.yaml names them.
package machines

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// Write writes a template's state machine as <template>.asl.json into a folder, which is made if it is not there. It gives the
// paths of those that were not so before.
func Write(dir string, templates []*ops.Template) (written []string, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil { //nolint:gosec // the folder is the choice of whoever runs this
		return nil, fmt.Errorf("make the folder of state machines: %w", err)
	}
	for _, t := range templates {
		b, err := workflow.Compile(t)
		if err != nil {
			return written, err
		}
		path := filepath.Join(dir, t.Name+".asl.json")
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
			continue
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return written, fmt.Errorf("read state machine: %w", err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil { //nolint:gosec // source code, readable by all
			return written, fmt.Errorf("write state machine: %w", err)
		}
		written = append(written, path)
	}
	return written, nil
}
