// Command match-rules decides what each domain event leads to, and does it.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus, env.Machines))
	lambda.Start(p.Rules(p.Workflows()).HandleEvent)
}
