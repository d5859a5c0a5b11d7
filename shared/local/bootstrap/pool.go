// Package bootstrap runs the real bootstraps of Lambda functions as processes of this machine, against a Lambda Runtime
// API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): each with its own environment, started when it is
// needed, kept warm, and killed when an invocation takes longer than its function's timeout.
package bootstrap

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"opsflow/shared/local/lambda"
)

// Function is what a bootstrap runs as.
type Function struct {
	Name     string
	ARN      string
	Binary   string // path of the bootstrap
	Env      map[string]string
	MemoryMB int
	Region   string
}

// Pool keeps the processes of all functions. All methods are safe for concurrent use.
type Pool struct {
	logs   io.Writer // what the bootstraps print
	log    *slog.Logger
	server *http.Server
	addr   string

	mu      sync.Mutex
	closed  bool
	workers map[string]*worker
	idle    map[string][]*worker // by function; the one used last is last
}

// worker is one process. It runs one invocation at a time, as on Lambda.
type worker struct {
	id       string
	function Function
	cmd      *exec.Cmd
	jobs     chan *job     // what it is to do next
	exited   chan struct{} // closed when the process is gone

	mu  sync.Mutex
	job *job // what it is doing
}

type job struct {
	id       string
	payload  []byte
	deadline time.Time
	done     chan result // takes one
}

type result struct {
	payload []byte
	failure *lambda.FunctionError
}

// New opens the Runtime API on a port that the system chooses. Close it.
func New(ctx context.Context, log *slog.Logger, logs io.Writer) (*Pool, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the Lambda Runtime API: %w", err)
	}
	p := &Pool{logs: logs, log: log, addr: l.Addr().String(), workers: map[string]*worker{}, idle: map[string][]*worker{}}
	p.server = &http.Server{Handler: p.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := p.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("serve the Lambda Runtime API", "error", err)
		}
	}()
	return p, nil
}

// Close kills every process and waits until they are gone.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	all := make([]*worker, 0, len(p.workers))
	for _, w := range p.workers {
		all = append(all, w)
	}
	p.mu.Unlock()
	for _, w := range all {
		w.kill()
		<-w.exited
	}
	return p.server.Close()
}

// Func gives the function as what a lambda.Registry invokes.
func (p *Pool) Func(f Function) lambda.Func {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		w, err := p.take(f)
		if err != nil {
			return nil, err
		}
		id, err := uuid()
		if err != nil {
			return nil, err
		}
		j := &job{id: id, payload: payload, done: make(chan result, 1)}
		j.deadline, _ = ctx.Deadline()
		w.jobs <- j
		select {
		case r := <-j.done:
			p.give(w)
			if r.failure != nil {
				return nil, r.failure
			}
			return r.payload, nil
		case <-w.exited:
			return nil, failure("Runtime.ExitError", "RequestId: "+id+" Error: Runtime exited")
		case <-ctx.Done():
			// Lambda kills the environment of an invocation that takes too long; the next one starts cold.
			w.kill()
			<-w.exited
			return nil, ctx.Err()
		}
	}
}

func failure(kind, message string) *lambda.FunctionError {
	payload, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	if err != nil {
		payload = []byte(`{}`) // two texts can always be written
	}
	return &lambda.FunctionError{Type: kind, Message: message, Payload: payload}
}

// take gives a warm process of the function or starts one.
func (p *Pool) take(f Function) (*worker, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the runtime is closing")
	}
	if list := p.idle[f.Name]; len(list) > 0 {
		w := list[len(list)-1]
		p.idle[f.Name] = list[:len(list)-1]
		return w, nil
	}
	return p.start(f)
}

func (p *Pool) give(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.exited:
	default:
		p.idle[w.function.Name] = append(p.idle[w.function.Name], w)
	}
}

// start runs a bootstrap. The caller holds mu.
func (p *Pool) start(f Function) (*worker, error) {
	id, err := uuid()
	if err != nil {
		return nil, err
	}
	w := &worker{id: id, function: f, jobs: make(chan *job, 1), exited: make(chan struct{})}
	w.cmd = exec.Command(f.Binary) //nolint:gosec,noctx // our own build; its life is the pool's
	w.cmd.Stdout, w.cmd.Stderr = p.logs, p.logs
	w.cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + p.addr + "/" + id, // the client puts its paths behind this
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=" + f.Region,
		"TZ=:UTC",
		"PATH=" + os.Getenv("PATH"),
	}
	for k, v := range f.Env {
		w.cmd.Env = append(w.cmd.Env, k+"="+v)
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the bootstrap of %s: %w", f.Name, err)
	}
	p.workers[id] = w
	go p.reap(w)
	return w, nil
}

// reap forgets a process that is gone.
func (p *Pool) reap(w *worker) {
	err := w.cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.log.Warn("a bootstrap ended", "function", w.function.Name, "error", err)
	}
	delete(p.workers, w.id)
	list := p.idle[w.function.Name]
	for i := range list {
		if list[i] == w {
			p.idle[w.function.Name] = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	close(w.exited)
}

func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // it may be gone already
}

// uuid makes a request id.
func uuid() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
