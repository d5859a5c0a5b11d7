// Command api serves the HTTP API and the web console behind API Gateway.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
	"opsflow/shared/httpapi"
	"opsflow/shared/httpapi/console"
	"opsflow/shared/task/form"
	"opsflow/shared/timeline"
)

func main() {
	e := env.MustLoad(env.Table, env.Bus, env.Machines, env.Publish, env.OIDC)
	p := parts.New(e)
	p.Forms = form.Checker{}
	links, err := timeline.NewLinks(e.TimelineKey)
	if err != nil {
		env.Fatal(err)
	}
	flows, tasks := p.Workflows(), p.Tasks()
	rules := p.Rules(flows)
	conf := httpapi.Config{
		Store: p.Store, Records: p.Store, Bus: parts.Bus(e), Clock: p.Clock, Calendar: p.Calendar, Random: p.Random, Logger: p.Logger,
		Workflows: flows, Rules: rules, Backtests: p.Backtests(rules), Bulk: p.Bulk(), Alerts: p.Alerts(),
		Tasks: tasks, Members: tasks, Vendors: p.Scorer(), Notifications: p.Notifications(),
		Undelivered: p.Undelivered(flows, parts.Bus(e)), Timelines: links, Connections: p.Connections(e.PrivateCalls),
		Verifier: httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: e.OIDCIssuer, ClientIDs: e.OIDCClientIDs}),
	}
	pages, err := console.New(console.Config{
		Config: conf, API: httpapi.New(conf),
		SignIn: console.SignIn{Issuer: e.OIDCIssuer, ClientID: e.ConsoleClient, SessionKey: e.ConsoleKey},
	})
	if err != nil {
		env.Fatal(err)
	}
	lambda.Start(httpapi.LambdaHandler(pages))
}
