package local

import (
	"context"
	"path/filepath"

	"opsflow/shared/local/lambda"
)

// openProcesses builds the functions and has their real bootstraps run them, each with its environment of the template and
// credentials of its own.
func (rt *Runtime) openProcesses(ctx context.Context) error {
	programs := make([]lambda.Program, 0, len(rt.stack.Functions))
	for _, f := range rt.stack.Functions {
		programs = append(programs, lambda.Program{Name: f.Name, ARN: f.ARN, Dir: f.Dir, MemoryMB: f.MemoryMB, Env: f.Env})
	}
	p, err := lambda.NewProcesses(ctx, lambda.ProcessOptions{
		Root: filepath.Dir(rt.o.Template), Endpoint: rt.awsURL, Logger: rt.o.Logger,
	}, programs)
	if err != nil {
		return err
	}
	rt.onClose(p.Close)
	for _, f := range rt.stack.Functions {
		rt.functions.Register(f.Name, f.ARN, f.Timeout, rt.metered(f, p.Func(f.Name)))
	}
	return nil
}
