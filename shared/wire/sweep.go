package wire

import (
	"opsflow/shared/ops"
	"opsflow/shared/sweep"
)

// Sweeper makes what does everything whose time has come: each kind of record with a timer has its handler here.
func (p Parts) Sweeper() *sweep.Sweeper {
	flows := p.Workflows()
	rules := p.Rules(flows)
	tasks := p.Tasks()
	return sweep.New(p.Store, p.Clock, map[ops.Kind]sweep.Handler{
		ops.KindInstance:     flows.HandleDue,
		ops.KindTemplate:     flows.HandleSlot,
		ops.KindTask:         tasks.HandleDue,
		ops.KindNotification: p.Notifications().HandleDue,
		ops.KindMember:       tasks.HandleMemberDue,
		ops.KindVendor:       flows.HandleVendorDue,
		ops.KindAction:       rules.HandleDue,
		ops.KindRuleTally:    rules.HandleDue,
		ops.KindEvent:        rules.HandleDue,
		ops.KindAlert:        p.Alerts().HandleDue,
		ops.KindBulk:         p.Bulk().HandleDue,
		ops.KindBacktest:     p.Backtests(rules).HandleDue,
	}, p.Logger)
}
