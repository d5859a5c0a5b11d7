package task

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// deliverWithin is how long the workflow has to take a decision up before it is delivered again.
const deliverWithin = time.Minute

// deliver lets the execution go on.
func (s *Service) deliver(ctx context.Context, t *ops.Task) error {
	if _, err := ops.Wake(ctx, s.Store, s.Executions, t.InstanceID, t.Step); err != nil {
		return fmt.Errorf("deliver the decision of task %s: %w", t.ID, err)
	}
	return nil
}
