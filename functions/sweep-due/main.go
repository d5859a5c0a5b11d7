// Command sweep-due does everything whose time has come.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	lambda.Start(parts.New(env.MustLoad(env.Table, env.Bus, env.Machines)).Sweeper().HandleTick)
}
