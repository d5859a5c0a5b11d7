// Command sweep-due does everything whose time has come.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
	"opsflow/shared/ops"
	"opsflow/shared/sweep"
)

func main() {
	p := parts.New(env.MustLoad(env.Table, env.Bus, env.Machines))
	flows := p.Workflows()
	rules := p.Rules(flows)
	tasks := p.Tasks()
	sweeper := sweep.New(p.Store, p.Clock, map[ops.Kind]sweep.Handler{
		ops.KindInstance:     flows.HandleDue,
		ops.KindTemplate:     flows.HandleSlot,
		ops.KindTask:         tasks.HandleDue,
		ops.KindNotification: p.Notifications().HandleDue,
		ops.KindMember:       tasks.HandleMemberDue,
		ops.KindAction:       rules.HandleDue,
		ops.KindRuleTally:    rules.HandleDue,
		ops.KindEvent:        rules.HandleDue,
		ops.KindBulk:         p.Bulk().HandleDue,
		ops.KindAlert:        p.Alerts().HandleDue,
	}, p.Logger)
	lambda.Start(sweeper.HandleTick)
}
