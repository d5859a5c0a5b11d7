package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/stack"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/sweep"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// parts is what the handlers are wired from: the same constructors as in functions/*/main.go, with this machine's adapters
// in the place of AWS's.
type parts struct {
	store      *store.Store
	executions executions
	bus        bus
	clock      ops.Clock
	logger     *slog.Logger
	machines   string // ARN prefix of state machines
	functions  workflow.Functions
	webhook    string // where notifications go
	verifier   httpapi.Verifier
}

// handlers gives the handler of each function by its folder below functions/.
func (p parts) handlers() map[string]awslambda.Handler {
	flows := workflow.New(workflow.Config{
		Store: p.store, Executions: p.executions, Machines: p.executions, Bus: p.bus, Clock: p.clock, Random: rand.Reader,
		Logger: p.logger, MachinePrefix: p.machines, Functions: p.functions,
	})
	rules := rule.New(rule.Config{
		Store: p.store, Workflows: flows, Bus: p.bus, Clock: p.clock, Random: rand.Reader, Logger: p.logger, Templates: flows,
	})
	tasks := task.New(task.Config{Store: p.store, Executions: p.executions, Clock: p.clock, Logger: p.logger})
	sweeper := sweep.New(p.store, p.clock, map[ops.Kind]func(context.Context, ops.Ref) error{
		ops.KindInstance: flows.HandleDue,
		ops.KindTask:     tasks.HandleDue,
		ops.KindAction:   rules.HandleDue,
		ops.KindEvent:    rules.HandleDue,
	}, p.logger)
	deliverer := notify.New(notify.Config{Store: p.store, Clock: p.clock, Webhook: p.webhook, Client: http.DefaultClient})
	api := httpapi.New(httpapi.Config{
		Store: p.store, Workflows: flows, Tasks: tasks, Rules: rules, Bus: p.bus, Verifier: p.verifier,
		Clock: p.clock, Random: rand.Reader, Logger: p.logger,
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
