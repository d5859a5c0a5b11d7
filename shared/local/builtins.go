package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"opsflow/shared/local/stack"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
	"opsflow/shared/workflow/machines"
)

// builtins are the built-in templates and rules as they are written now; nil: those that this program was built with.
type builtins struct {
	templates []*ops.Template
	rules     func() ([]*ops.Rule, error)
}

// reloadBuiltins has the built-in templates and rules hold as they are written now, and writes the templates' state machines,
// as make generate does. In bootstraps they are built in.
func (rt *Runtime) reloadBuiltins(ctx context.Context, root string) error {
	now, err := readBuiltins(ctx, root)
	if err != nil {
		return err
	}
	written, err := machines.Write(filepath.Join(root, machinesDir), now.templates)
	if err != nil {
		return err
	}
	for _, name := range written {
		rt.tell("%s written", name)
	}
	before := rt.builtins
	if rt.builtins = now; rt.processes != nil {
		return nil
	}
	if err := rt.deployFunctions(ctx); err != nil {
		rt.builtins = before
		return err
	}
	rt.tell("built-in templates and rules read again")
	return nil
}

// readBuiltins reads the files as strictly as the API reads a template or a rule.
func readBuiltins(ctx context.Context, root string) (*builtins, error) {
	err := eachFile(filepath.Join(root, filepath.FromSlash(templatesDir)), func(text []byte) error {
		_, err := workflow.Read(text, nil, form.Checker{})
		return err
	})
	if err != nil {
		return nil, err
	}
	checker := rule.New(rule.Config{Random: rand.Reader, Clock: ops.SystemClock{}})
	err = eachFile(filepath.Join(root, filepath.FromSlash(rulesDir)), func(text []byte) error {
		r, unread, read := ops.DecodeRule(text)
		if !read {
			return ops.Invalid("rule", unread)
		}
		faults, err := checker.Validate(ctx, r)
		return errors.Join(err, ops.Invalid("rule", ops.JoinFaults(unread, faults)))
	})
	if err != nil {
		return nil, err
	}
	templates, err := workflow.ReadBuiltin(os.DirFS(filepath.Join(root, "shared", "workflow")))
	if err != nil {
		return nil, err
	}
	rules, err := rule.ReadBuiltin(os.DirFS(filepath.Join(root, "shared", "rule")))
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return nil, fmt.Errorf("keep the built-in rules: %w", err)
	}
	return &builtins{templates: templates, rules: func() (copies []*ops.Rule, err error) {
		return copies, json.Unmarshal(text, &copies)
	}}, nil
}

// eachFile checks the JSON files of a folder, by name. The error names the file and, where it is no JSON, the line.
func eachFile(dir string, check func([]byte) error) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json")) // sorted
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read a built-in: %w", err)
		}
		if err := stack.CheckJSON(path, text); err != nil {
			return err
		}
		if err := check(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
