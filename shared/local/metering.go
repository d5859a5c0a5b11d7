package local

import (
	"context"
	"net/http"
	"strings"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/action"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/meter"
	"opsflow/shared/local/stack"
	"opsflow/shared/local/states"
)

// Meter counts what this system asks of AWS.
func (rt *Runtime) Meter() *meter.Meter { return &rt.meter }

// metered counts the invocations of a function, and has what it asks for counted for the workflow that invoked it, or else for
// the function.
func (rt *Runtime) metered(f stack.Function, run lambda.Runner) lambda.Runner {
	return lambda.Before(run, func(ctx context.Context) context.Context {
		ctx = meter.As(ctx, userOf(ctx, f))
		rt.meter.Add(ctx, func(u *meter.Use) { u.Invocations++ })
		return ctx
	})
}

func userOf(ctx context.Context, f stack.Function) meter.Who {
	if machine := states.MachineOf(ctx); machine != "" {
		return workflowOf(machine)
	}
	return meter.Who{Kind: meter.Function, Name: f.Name}
}

// workflowOf names a state machine by the last part of its ARN.
func workflowOf(machineARN string) meter.Who {
	return meter.Who{Kind: meter.Workflow, Name: machineARN[strings.LastIndexByte(machineARN, ':')+1:]}
}

// meterEndpoint has what functions ask for with their keys, and state machines, counted for them.
func (rt *Runtime) meterEndpoint(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _ := action.Signer(r)
		if machine := states.MachineOf(r.Context()); machine != "" {
			r = r.WithContext(meter.As(r.Context(), workflowOf(machine)))
		} else if f, ok := rt.permissions.holder(key); ok {
			r = r.WithContext(meter.As(r.Context(), meter.Who{Kind: meter.Function, Name: f.Name}))
		}
		next.ServeHTTP(w, r)
	})
}

func (rt *Runtime) countStates(machineARN string, executions, transitions int) {
	rt.meter.AddFor(workflowOf(machineARN), func(u *meter.Use) {
		u.Executions += float64(executions)
		u.Transitions += float64(transitions)
	})
}

func (rt *Runtime) countEvents(ctx context.Context, n int) {
	rt.meter.Add(ctx, func(u *meter.Use) { u.Events += float64(n) })
}

// Bill is what a running system has asked of AWS since it started, and would have been charged.
type Bill struct {
	Prices  meter.Prices    `json:"prices"`
	Assumed string          `json:"assumed"`
	Total   meter.Cost      `json:"total"`
	Items   []meter.Account `json:"items"`
}

// showCost answers with the bill.
func (rt *Runtime) showCost(w http.ResponseWriter, r *http.Request) {
	prices, err := meter.List()
	if err != nil {
		httpapi.Refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, Bill{
		Prices: prices, Assumed: meter.Assumed(), Total: prices.Of(rt.meter.Use()), Items: rt.meter.Accounts(prices),
	})
}
