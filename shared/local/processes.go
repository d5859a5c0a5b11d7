package local

import (
	"context"
	"path/filepath"

	"opsflow/shared/local/lambda"
	"opsflow/shared/local/stack"
)

// openProcesses builds the functions and has their real bootstraps run them, each with its environment of the template and
// credentials of its own.
func (rt *Runtime) openProcesses(ctx context.Context) error {
	p, err := lambda.NewProcesses(ctx, lambda.ProcessOptions{
		Root: filepath.Dir(rt.o.Template), Endpoint: rt.awsURL, Logs: rt.logs, Logger: rt.o.Logger,
	})
	if err != nil {
		return err
	}
	rt.processes = p
	rt.onClose(p.Close)
	return rt.deployProcesses(ctx)
}

// deployProcesses has the bootstraps be as the template and the code are now.
func (rt *Runtime) deployProcesses(ctx context.Context) error {
	programs := make([]lambda.Program, 0, len(rt.stack.Functions))
	for _, f := range rt.stack.Functions {
		programs = append(programs, lambda.Program{Function: function(f), Dir: f.Dir, Env: f.Env})
	}
	if _, err := rt.processes.Deploy(ctx, programs); err != nil {
		return err
	}
	for _, f := range rt.stack.Functions {
		rt.functions.Register(function(f), rt.metered(f, rt.processes.Runner(f.Name)))
	}
	return nil
}

// function is what Lambda knows of a function of the template.
func function(f stack.Function) lambda.Function {
	return lambda.Function{Name: f.Name, ARN: f.ARN, Timeout: f.Timeout, MemoryMB: f.MemoryMB, Reserved: f.Reserved, LogGroup: f.LogGroup}
}
