package local

import (
	"fmt"
	"net/http"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/stack"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
	"opsflow/shared/sweep"
	"opsflow/shared/task"
	"opsflow/shared/wire"
)

// parts is what the handlers are wired from: this machine's adapters in the place of AWS's.
type parts struct {
	wire.Parts
	bus      bus
	webhook  string // where notifications go
	verifier httpapi.Verifier
}

// handlers gives the handler of each function by its folder below functions/, as the mains there wire them.
func (p parts) handlers() map[string]awslambda.Handler {
	flows := p.Workflows()
	rules := p.Rules(flows)
	tasks := task.New(task.Config{Store: p.Store, Executions: p.Executions, Clock: p.Clock, Logger: p.Logger})
	sweeper := sweep.New(p.Store, p.Clock, map[ops.Kind]sweep.Handler{
		ops.KindInstance: flows.HandleDue,
		ops.KindTask:     tasks.HandleDue,
		ops.KindAction:   rules.HandleDue,
		ops.KindEvent:    rules.HandleDue,
	}, p.Logger)
	deliverer := notify.New(notify.Config{Store: p.Store, Clock: p.Clock, Webhook: p.webhook, Client: http.DefaultClient})
	api := httpapi.New(httpapi.Config{
		Store: p.Store, Workflows: flows, Tasks: tasks, Rules: rules, Bus: p.bus, Verifier: p.verifier,
		Clock: p.Clock, Random: p.Random, Logger: p.Logger,
	})
	return map[string]awslambda.Handler{
		"match-rules":          awslambda.NewHandler(rules.HandleEvent),
		"run-steps":            awslambda.NewHandler(flows.RunSteps),
		"open-task":            awslambda.NewHandler(flows.OpenTask),
		"record-outcome":       awslambda.NewHandler(flows.RecordOutcome),
		"sweep-due":            awslambda.NewHandler(sweeper.HandleTick),
		"deliver-notification": awslambda.NewHandler(deliverer.HandleEvent),
		"api":                  awslambda.NewHandler(httpapi.LambdaHandler(api)),
	}
}

// checkHandlers makes sure that every function of the template can be run in process.
func checkHandlers(s *stack.Stack, handlers map[string]awslambda.Handler) error {
	for _, f := range s.Functions {
		if handlers[f.Dir] == nil {
			return fmt.Errorf("%s: function %s is built from functions/%s, which has no handler in this program", s.Path, f.LogicalID, f.Dir)
		}
	}
	return nil
}
