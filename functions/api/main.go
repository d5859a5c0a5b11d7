// Command api serves the HTTP API behind API Gateway.
package main

import (
	"crypto/rand"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/eventbridge"
	"opsflow/shared/aws/sfn"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

func main() {
	e := env.MustLoad(env.Table, env.Bus, env.Machines, env.Publish, env.OIDC)
	clock, log := ops.SystemClock{}, env.Logger()
	st := store.New(dynamo.New(dynamodb.NewFromConfig(e.AWS()), e.Table, store.Indexes(), clock.Now), rand.Reader, clock.Now)
	bus := eventbridge.New(e.AWS(), e.Bus, clock)
	executions := sfn.New(e.AWS(), e.MachineRole)
	flows := workflow.New(workflow.Config{
		Store: st, Executions: executions, Machines: executions, Bus: bus, Clock: clock, Random: rand.Reader, Logger: log,
		MachinePrefix: e.MachinePrefix,
		Functions:     workflow.Functions{RunSteps: e.RunSteps, OpenTask: e.OpenTask, RecordOutcome: e.RecordOutcome},
	})
	rules := rule.New(rule.Config{
		Store: st, Workflows: flows, Templates: flows, Bus: bus, Clock: clock, Random: rand.Reader, Logger: log,
	})
	api := httpapi.New(httpapi.Config{
		Store: st, Workflows: flows, Rules: rules, Bus: bus, Clock: clock, Random: rand.Reader, Logger: log,
		Tasks:    task.New(task.Config{Store: st, Executions: executions, Clock: clock, Logger: log}),
		Verifier: httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: e.OIDCIssuer, ClientIDs: e.OIDCClientIDs}),
	})
	lambda.Start(httpapi.LambdaHandler(api))
}
