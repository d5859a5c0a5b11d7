// Command generate writes the state machines of the built-in templates as statemachines/<template>.asl.json under the
// directory that is its argument (default: the current one).
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"opsflow/shared/workflow"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := generate(filepath.Join(root, "statemachines")); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	templates, err := workflow.Builtin()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil { //nolint:gosec // the directory is whoever runs this one's choice
		return fmt.Errorf("make the directory of state machines: %w", err)
	}
	for _, t := range templates {
		b, err := workflow.Compile(t)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, t.Name+".asl.json"), b, 0o644); err != nil { //nolint:gosec // source code, readable by all
			return fmt.Errorf("write state machine: %w", err)
		}
	}
	return nil
}
