package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/local/events"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/meter"
	"opsflow/shared/local/stack"
)

// metered counts the invocations of a handler, if there is a meter.
func (rt *Runtime) metered(h awslambda.Handler) lambda.Func {
	if rt.o.Meter == nil {
		return h.Invoke
	}
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		rt.o.Meter.Add(func(u *meter.Use) { u.Invocations++ })
		return h.Invoke(ctx, payload)
	}
}

// meterEvents counts the events that come to the bus, by a rule of its own that takes everything.
func (rt *Runtime) meterEvents(ctx context.Context) error {
	if rt.o.Meter == nil {
		return nil
	}
	const name = "opsflow-meter"
	arn := "arn:aws:lambda:" + stack.Region + ":" + stack.Account + ":function:" + name
	rt.functions.Register(name, arn, time.Minute, lambda.Func(func(context.Context, []byte) ([]byte, error) {
		rt.o.Meter.Add(func(u *meter.Use) { u.Events++ })
		return nil, nil
	}))
	api, _ := rt.function("api")
	bus := api.Env["BUS_NAME"]
	if _, err := rt.events.PutRule(ctx, events.Rule{Name: name, Bus: bus, Pattern: `{"source":[{"prefix":""}]}`}); err != nil {
		return fmt.Errorf("count the events of bus %s: %w", bus, err)
	}
	return rt.events.PutTargets(ctx, bus, name, events.Target{ID: "meter", ARN: arn})
}

// Meter is what counts; nil when nothing does.
func (rt *Runtime) Meter() *meter.Meter { return rt.o.Meter }

// Usage is what was asked of AWS since the start. It reads the history of every execution, and needs Options.Meter.
func (rt *Runtime) Usage(ctx context.Context) (meter.Use, error) {
	if rt.o.Meter == nil {
		return meter.Use{}, errors.New("there is no meter")
	}
	use := rt.o.Meter.Use()
	machines, _, err := rt.states.ListStateMachines(ctx, 1000, "")
	if err != nil {
		return use, err
	}
	for _, m := range machines {
		for next := ""; ; {
			list, after, err := rt.states.ListExecutions(ctx, m.ARN, "", 1000, next)
			if err != nil {
				return use, err
			}
			for _, x := range list {
				history, err := rt.states.GetExecutionHistory(ctx, x.ARN)
				if err != nil {
					return use, err
				}
				use.Executions++
				for _, e := range history {
					if strings.HasSuffix(e.Type, "StateEntered") {
						use.Transitions++
					}
				}
			}
			if next = after; next == "" {
				break
			}
		}
	}
	return use, nil
}
