package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// deliverWithin is how long the workflow has to take a decision up before it is delivered again.
const deliverWithin = time.Minute

// deliver lets the execution that waits on the task go on. Whether a token was used or has been replaced is told from our
// own record, never from the answer: a newer token there means that a later attempt waits.
func (s *Service) deliver(ctx context.Context, t *ops.Task) error {
	if t.Token == "" {
		return nil
	}
	output, err := json.Marshal(map[string]string{"task": t.ID, "outcome": t.Outcome})
	if err != nil {
		return fmt.Errorf("write the outcome of task %s: %w", t.ID, err)
	}
	token := t.Token
	for range maxConflicts {
		err = s.Executions.SucceedTask(ctx, token, output)
		if !errors.Is(err, ops.ErrTokenUsed) {
			break
		}
		newer, rerr := s.Store.Task(ctx, t.ID)
		if rerr != nil {
			return fmt.Errorf("read task %s: %w", t.ID, rerr)
		}
		if newer.Token == token {
			return nil // delivered before
		}
		token = newer.Token
	}
	if err != nil {
		return fmt.Errorf("deliver the decision of task %s: %w", t.ID, err)
	}
	return nil
}
