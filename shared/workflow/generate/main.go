// Command generate writes the state machines of the built-in templates as statemachines/<template>.asl.json under the
// directory that is its argument (default: the current one).
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"opsflow/shared/workflow"
	"opsflow/shared/workflow/machines"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	templates, err := workflow.Builtin()
	if err == nil {
		_, err = machines.Write(filepath.Join(root, "statemachines"), templates)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
