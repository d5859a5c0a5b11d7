// Command record-outcome records how an execution ended when run-steps could not.
package main

import (
	"crypto/rand"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/eventbridge"
	"opsflow/shared/aws/sfn"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/workflow"
)

func main() {
	e := env.MustLoad(env.Table, env.Bus, env.Machines)
	clock, log := ops.SystemClock{}, env.Logger()
	st := store.New(dynamo.New(dynamodb.NewFromConfig(e.AWS()), e.Table, store.Indexes(), clock.Now), rand.Reader, clock.Now)
	bus := eventbridge.New(e.AWS(), e.Bus, clock)
	executions := sfn.New(e.AWS(), e.MachineRole)
	flows := workflow.New(workflow.Config{
		Store: st, Executions: executions, Machines: executions, Bus: bus, Clock: clock, Random: rand.Reader, Logger: log,
		MachinePrefix: e.MachinePrefix,
	})
	lambda.Start(flows.RecordOutcome)
}
