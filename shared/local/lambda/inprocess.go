package lambda

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Runner runs the invocations of one function: a Func, or a function's Processes.
type Runner interface {
	run(ctx context.Context, in *invocation) ([]byte, error)
}

// Func runs one invocation in this process. Its context ends at the function's timeout and carries a
// lambdacontext.LambdaContext. An error becomes a FunctionError; a *FunctionError is taken as it is.
type Func func(ctx context.Context, payload []byte) ([]byte, error)

func (f Func) run(ctx context.Context, in *invocation) ([]byte, error) {
	in.begin()
	began := time.Now()
	inner, cancel := context.WithTimeout(lambdacontext.NewContext(
		context.WithValue(ctx, sayingKey{}, in),
		&lambdacontext.LambdaContext{AwsRequestID: in.id, InvokedFunctionArn: in.function.ARN},
	), in.function.Timeout)
	defer cancel()

	done := make(chan outcome, 1)
	go func() { done <- f.call(inner, in) }()
	var out outcome
	select {
	case out = <-done:
	case <-inner.Done():
	}
	r := report{took: time.Since(began)}
	switch {
	case ctx.Err() != nil:
		out = outcome{err: ctx.Err()}
	case inner.Err() != nil && (out.failed != nil || out.payload == nil):
		// Lambda kills the sandbox; here the context has ended, and whatever the handler still answers is dropped.
		out = outcome{failed: timedOut(in.id, in.function.Timeout)}
		in.timeout()
		r.status = "timeout"
	case out.failed != nil:
		in.print("%s", out.failed.Payload)
	}
	in.end(r)
	return out.result()
}

// call turns a handler's error, or its panic, into what Lambda answers.
func (f Func) call(ctx context.Context, in *invocation) (out outcome) {
	defer func() {
		if p := recover(); p != nil {
			in.logger.ErrorContext(ctx, "function panicked", "function", in.function.Name, "panic", fmt.Sprint(p))
			out = outcome{failed: failure(cmp.Or(typeName(p), "panic"), fmt.Sprint(p))}
		}
	}()
	answer, err := f(ctx, in.payload)
	if err != nil {
		return outcome{failed: functionError(err)}
	}
	return outcome{payload: answer}
}

// Around has begin look at each invocation before it is run, with the header of its trace, which its requests to AWS carry too.
// The invocation has the context that begin gives; end is called when it is over.
func Around(r Runner, begin func(ctx context.Context, trace string) (around context.Context, end func())) Runner {
	return around{r, begin}
}

type around struct {
	Runner

	begin func(ctx context.Context, trace string) (context.Context, func())
}

func (a around) run(ctx context.Context, in *invocation) ([]byte, error) {
	ctx, end := a.begin(ctx, in.trace)
	defer end()
	return a.Runner.run(ctx, in)
}

// sayingKey is the key of the invocation that a context belongs to.
type sayingKey struct{}

// LogHandler takes what functions in this process log to their logs, as JSON lines like those of their loggers on Lambda.
// What is logged outside of an invocation goes to next, and so do warnings and errors if aloud is set.
func LogHandler(next slog.Handler, aloud bool) slog.Handler {
	return logHandler{next: next, aloud: aloud}
}

type logHandler struct {
	next  slog.Handler
	aloud bool
	more  []func(slog.Handler) slog.Handler // attributes and groups
}

// Enabled implements slog.Handler.
func (h logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	_, ok := ctx.Value(sayingKey{}).(*invocation)
	return ok && level >= slog.LevelInfo || h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	in, ok := ctx.Value(sayingKey{}).(*invocation)
	if ok {
		var line bytes.Buffer
		var to slog.Handler = slog.NewJSONHandler(&line, nil)
		for _, m := range h.more {
			to = m(to)
		}
		if err := to.Handle(ctx, r); err != nil {
			return err
		}
		in.print("%s", line.Bytes())
	}
	if aloud := h.aloud && r.Level >= slog.LevelWarn; (aloud || !ok) && h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h logHandler) with(m func(slog.Handler) slog.Handler) slog.Handler {
	h.next = m(h.next)
	h.more = append(h.more[:len(h.more):len(h.more)], m)
	return h
}
