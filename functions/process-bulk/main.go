// Command process-bulk works through one chunk of a bulk operation.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus, env.Machines))
	lambda.Start(p.Bulk().Process)
}
