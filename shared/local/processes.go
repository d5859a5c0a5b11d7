package local

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"opsflow/shared/local/bootstrap"
	"opsflow/shared/local/stack"
)

// openProcesses builds the functions and has their real bootstraps run them, each with its environment of the template and
// credentials of its own.
func (rt *Runtime) openProcesses(ctx context.Context) error {
	bin, err := os.MkdirTemp("", "opsflow-bootstraps-")
	if err != nil {
		return fmt.Errorf("make a folder for the bootstraps: %w", err)
	}
	rt.onClose(func() error { return os.RemoveAll(bin) })
	fmt.Fprintln(rt.o.Progress, "building the bootstraps ...")
	dirs := make([]string, 0, len(rt.stack.Functions))
	for _, f := range rt.stack.Functions {
		dirs = append(dirs, f.Dir)
	}
	if err := bootstrap.Build(ctx, filepath.Dir(rt.o.Template), bin, dirs, rt.o.Progress); err != nil {
		return err
	}
	pool, err := bootstrap.New(ctx, rt.o.Logger, rt.o.Progress)
	if err != nil {
		return err
	}
	rt.onClose(pool.Close)
	for _, f := range rt.stack.Functions {
		rt.functions.Register(f.Name, f.ARN, f.Timeout, pool.Func(bootstrap.Function{
			Name: f.Name, ARN: f.ARN, Binary: filepath.Join(bin, f.Dir), Env: rt.processEnv(f), MemoryMB: f.MemoryMB, Region: stack.Region,
		}))
	}
	return nil
}

// processEnv is a function's environment, with what leads the AWS SDK to this machine.
func (rt *Runtime) processEnv(f stack.Function) map[string]string {
	env := maps.Clone(f.Env)
	env["AWS_ENDPOINT_URL"] = rt.awsURL
	env["AWS_ACCESS_KEY_ID"] = functionKeyPrefix + f.LogicalID
	env["AWS_SECRET_ACCESS_KEY"] = "local"
	return env
}
