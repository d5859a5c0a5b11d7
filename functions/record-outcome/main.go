// Command record-outcome records how an execution ended when run-steps could not.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus, env.Machines))
	lambda.Start(p.Workflows().RecordOutcome)
}
