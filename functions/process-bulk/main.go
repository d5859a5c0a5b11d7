// Command process-bulk works through one chunk of a bulk operation, or runs a backtest.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
	"opsflow/shared/task/form"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus, env.Machines))
	p.Forms = form.Checker{}
	lambda.Start(p.ProcessBulk())
}
