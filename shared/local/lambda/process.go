package lambda

import (
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

// process is a bootstrap that runs: an execution environment.
type process struct {
	id      string
	program Program
	version int // of the pool's program
	cmd     *exec.Cmd
	wire    *sandbox
	out     *output
	began   time.Time
	until   *time.Timer   // ends it when it has nothing to do
	gone    chan struct{} // closed when the process has ended
}

// launch starts a process, with what Lambda gives a function as its environment, and nothing of ours.
func (p *Processes) launch(program Program, binary string) (*process, error) {
	pipe, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // the process has its own
	proc := &process{id: requestID(), program: program, out: &output{pipe: pipe}, began: time.Now(), gone: make(chan struct{})}
	if p.o.Logs != nil {
		proc.out.stream = p.o.Logs.Of(program.Name, program.LogGroup).Stream()
		proc.out.stream.Print("INIT_START Runtime Version: provided:al2023")
	}
	proc.cmd = exec.Command(binary) //nolint:gosec,noctx // our own build; it outlives the invocation that it is started for
	proc.cmd.Env = p.environment(proc)
	proc.cmd.Stdout, proc.cmd.Stderr = in, in
	proc.cmd.Dir = p.scratch
	proc.wire = p.runtime.open(proc.id)
	if err := proc.cmd.Start(); err != nil {
		p.runtime.close(proc.id)
		_ = pipe.Close() // nobody writes to it
		return nil, err
	}
	go proc.out.read()
	return proc, nil
}

// environment is what Lambda gives a function of an OS-only runtime, for which AWS_EXECUTION_ENV is not set:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. The access key names the function, so that the
// AWS endpoint can tell who calls.
func (p *Processes) environment(proc *process) []string {
	f := proc.program
	env := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          p.runtime.address + "/" + proc.id,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_REGION":                      p.o.Region,
		"AWS_DEFAULT_REGION":              p.o.Region,
		"AWS_ENDPOINT_URL":                p.o.Endpoint,
		"AWS_ACCESS_KEY_ID":               "opsflow-" + f.Name,
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"_HANDLER":                        "bootstrap",
		"LAMBDA_TASK_ROOT":                p.scratch,
		"LANG":                            "en_US.UTF-8",
		"TZ":                              ":UTC",
		"PATH":                            os.Getenv("PATH"),
	}
	if st := proc.out.stream; st != nil {
		env["AWS_LAMBDA_LOG_GROUP_NAME"], env["AWS_LAMBDA_LOG_STREAM_NAME"] = st.Group(), st.Name()
	}
	maps.Copy(env, f.Env)
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

func (proc *process) kill() { _ = proc.cmd.Process.Kill() } // gone already is as good

// ended reports whether the process has ended.
func (proc *process) ended() bool {
	select {
	case <-proc.gone:
		return true
	default:
		return false
	}
}

// ready waits until the process asks for something to do; false: it ended, or the time is up.
func (proc *process) ready(until <-chan time.Time) bool {
	select {
	case <-proc.wire.polled:
		return true
	case <-proc.gone:
	case <-until:
	}
	return false
}

// failed is why a process that is gone gave no answer.
func (proc *process) failed(request string) *FunctionError {
	if told := proc.wire.initError(); told != nil {
		return told
	}
	return exited(request, proc.cmd.ProcessState.String())
}
