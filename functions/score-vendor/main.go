// Command score-vendor keeps vendors' metrics up with completed work, ratings, reviews and complaints.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus))
	lambda.Start(p.Scorer().HandleEvent)
}
