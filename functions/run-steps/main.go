// Command run-steps runs a workflow's automated steps up to its next wait.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	e := env.MustLoad(env.Table, env.Bus, env.Machines, env.Secrets)
	p := parts.New(e)
	p.Caller = parts.Caller(e)
	lambda.Start(p.Workflows().RunSteps)
}
