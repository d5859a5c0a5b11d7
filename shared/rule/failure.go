package rule

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// oftenFailed is how many failures of a rule on one day raise an alert.
const oftenFailed = 3

// failure gives what is written beside a failure of a rule: its count for the day, and with the third of them the alert.
// From then on nothing: the storm that one broken rule makes of every event must not have all of them wait for one record.
func (e *Engine) failure(ctx context.Context, ruleID, why string, cause ops.Cause) ([]ops.Record, error) {
	now := e.clock.Now()
	failed := &ops.Counter{ID: "rule-failed/" + ruleID + "/" + now.UTC().Format(time.DateOnly), Add: 1, Max: oftenFailed}
	failed.ExpiresAt = now.Add(7 * 24 * time.Hour)
	n, err := e.store.Count(ctx, failed.ID)
	switch {
	case err != nil:
		return nil, fmt.Errorf("count the failures of rule %s: %w", ruleID, err)
	case n >= oftenFailed:
		return nil, nil
	case n < oftenFailed-1:
		return []ops.Record{failed}, nil
	}
	raised, err := alert.Next(ctx, e.store, alert.Spec{
		Type: ops.AlertSystemError, Severity: ops.SeverityHigh, Key: "failing/" + ruleID, Cause: cause,
		Title:  fmt.Sprintf("Rule %s fails", ruleID),
		Detail: fmt.Sprintf("It failed %d times on one day, and may go on to. The last time: %s", oftenFailed, why),
	}, now)
	if err != nil {
		return nil, err
	}
	return []ops.Record{failed, raised}, nil
}
