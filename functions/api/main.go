// Command api serves the HTTP API behind API Gateway.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
	"opsflow/shared/httpapi"
)

func main() {
	e := env.MustLoad(env.Table, env.Bus, env.Machines, env.Publish, env.OIDC)
	p := parts.New(e)
	flows, tasks := p.Workflows(), p.Tasks()
	api := httpapi.New(httpapi.Config{
		Store: p.Store, Workflows: flows, Rules: p.Rules(flows), Bus: parts.Bus(e), Clock: p.Clock, Random: p.Random, Logger: p.Logger,
		Tasks: tasks, Members: tasks,
		Verifier: httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: e.OIDCIssuer, ClientIDs: e.OIDCClientIDs}),
	})
	lambda.Start(httpapi.LambdaHandler(api))
}
