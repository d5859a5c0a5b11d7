package ops

import (
	"context"
	"errors"
	"fmt"
)

// Woken is the error with which a waiting state of a workflow's machine is left to be entered again at once: something
// beside its own step has an outcome.
const Woken = "Woken"

// Wake lets the execution of a workflow go on because a step of it has an outcome: the state of that step is passed; any
// other state, in which the execution waits meanwhile, is entered again, so that what follows the outcome does not wait
// for that state's own step.
//
// The caller has written the outcome before. The state's function writes its token and reads the outcomes after that: so
// either it finds the outcome, or the caller finds the token. A token that was used is told from our own record, never
// from the answer: another one there means that a later state or attempt waits. Woken reports whether an execution was
// reached.
func Wake(ctx context.Context, store InstanceStore, x Executions, instanceID, step string) (woken bool, err error) {
	const tries = 10
	used := ""
	for range tries {
		i, err := store.Instance(ctx, instanceID)
		if err != nil {
			return false, fmt.Errorf("read workflow %s: %w", instanceID, err)
		}
		w := i.Waits
		if w.Token == "" || w.Token == used || i.Status.Ended() {
			return false, nil
		}
		if w.Step == step {
			err = x.SucceedTask(ctx, w.Token, []byte("{}"))
		} else {
			err = x.FailTask(ctx, w.Token, Woken, "step "+step+" has an outcome")
		}
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, ErrTokenUsed) {
			return false, fmt.Errorf("let workflow %s go on after step %s: %w", instanceID, step, err)
		}
		used = w.Token
	}
	return false, nil
}
