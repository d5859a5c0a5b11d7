// Command open-task opens what a workflow waits for: a person's task or an event.
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
	lambda.Start(p.Workflows().OpenTask)
}
