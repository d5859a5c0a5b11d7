// Command keep-undelivered makes records of the dead letters: of what no function could handle.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus))
	lambda.Start(p.Undelivered(nil, nil).HandleBatch)
}
