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
// the function. Requests of a bootstrap are known by their trace.
func (rt *Runtime) metered(f stack.Function, run lambda.Runner) lambda.Runner {
	return lambda.Around(run, func(ctx context.Context, trace string) (context.Context, func()) {
		who := userOf(ctx, f)
		ctx = meter.As(ctx, who)
		rt.meter.Add(ctx, func(u *meter.Use) { u.Invocations++ })
		rt.traced.Store(trace, who)
		return ctx, func() { rt.traced.Delete(trace) }
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
		if who, ok := rt.asks(r); ok {
			r = r.WithContext(meter.As(r.Context(), who))
		}
		next.ServeHTTP(w, r)
	})
}

// asks finds who a request is to be counted for.
func (rt *Runtime) asks(r *http.Request) (meter.Who, bool) {
	if machine := states.MachineOf(r.Context()); machine != "" {
		return workflowOf(machine), true
	}
	if who, ok := rt.traced.Load(r.Header.Get("X-Amzn-Trace-Id")); ok {
		return who.(meter.Who), true //nolint:errcheck,forcetypeassert // nothing else is stored there
	}
	key, _ := action.Signer(r)
	f, ok := rt.permissions.holder(key)
	return meter.Who{Kind: meter.Function, Name: f.Name}, ok
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
