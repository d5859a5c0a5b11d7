package local

import (
	"context"
	"path/filepath"

	"opsflow/shared/local/lambda"
	"opsflow/shared/local/stack"
)

// openProcesses opens what runs the functions' real bootstraps, each with its environment of the template and credentials of its
// own.
func (rt *Runtime) openProcesses(ctx context.Context) error {
	p, err := lambda.NewProcesses(ctx, lambda.ProcessOptions{
		Root: filepath.Dir(rt.o.Template), Endpoint: rt.awsURL, Logs: rt.logs, Logger: rt.o.Logger,
	})
	if err != nil {
		return err
	}
	rt.processes = p
	rt.onClose(p.Close)
	return nil
}

// deployProcesses has the bootstraps be as the template and the code are now.
func (rt *Runtime) deployProcesses(ctx context.Context) error {
	if _, err := rt.processes.Deploy(ctx, rt.programs()); err != nil {
		return err
	}
	for _, f := range rt.stack().Functions {
		rt.functions.Register(function(f), rt.metered(f, rt.processes.Runner(f.Name)))
	}
	return nil
}

// programs are the functions of the template.
func (rt *Runtime) programs() []lambda.Program {
	var all []lambda.Program
	for _, f := range rt.stack().Functions {
		all = append(all, lambda.Program{Function: function(f), Dir: f.Dir, Env: f.Env})
	}
	return all
}

// function is what Lambda knows of a function of the template.
func function(f stack.Function) lambda.Function {
	return lambda.Function{Name: f.Name, ARN: f.ARN, Timeout: f.Timeout, MemoryMB: f.MemoryMB, Reserved: f.Reserved, LogGroup: f.LogGroup}
}
