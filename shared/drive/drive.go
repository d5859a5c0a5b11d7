// Package drive has executions of a state machine work through records that are done in parts, and looks after them: one whose
// execution was never started gets it, one whose execution broke off gets another.
package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

const (
	// within is how long an execution has until somebody looks whether it still runs, for the first time and later.
	within = time.Minute
	again  = 5 * time.Minute
	// MaxAttempts is how many executions one after another may drive a job. Each has retried every part already.
	MaxAttempts = 5
)

// Job is a record that an execution works through.
type Job interface {
	ops.Record
	// ExecutionName is the name of the execution that drives the present attempt.
	ExecutionName() string
	// NextAttempt begins another attempt, and gives its number.
	NextAttempt() int
	// Parts is how many parts there are: the execution hands each by its number, from 0, to one invocation.
	Parts() int
}

// Driver starts the executions of jobs, and looks after them.
type Driver struct {
	Store      ops.Saver
	Executions ops.Executions
	Machine    string // ARN of the state machine
	Clock      ops.Clock
}

// Watch sets the timer by which a new job is looked after.
func Watch(job Job) { m := job.RecordMeta(); m.SetTimer(ops.TimerDrive, m.CreatedAt.Add(within)) }

// Start starts the execution of the present attempt. Starting it again does nothing.
func (d Driver) Start(ctx context.Context, job Job) error {
	parts := make([]int, job.Parts())
	for n := range parts {
		parts[n] = n
	}
	input, err := json.Marshal(map[string]any{"bulk": job.Ref().ID, "chunks": parts})
	if err != nil {
		return fmt.Errorf("write the input of %s: %w", job.Ref(), err)
	}
	err = d.Executions.Start(ctx, d.Machine, job.ExecutionName(), input)
	if err != nil && !errors.Is(err, ops.ErrExecutionExists) {
		return fmt.Errorf("start %s: %w", job.Ref(), err)
	}
	return nil
}

// LookAfter looks after a job that should have ended, once its timer says so. spent says that MaxAttempts executions broke
// off: what is left to do will not be done. Overlapping calls do nothing twice.
func (d Driver) LookAfter(ctx context.Context, job Job) (spent bool, err error) {
	now, m := d.Clock.Now(), job.RecordMeta()
	if at, set := m.Timers[ops.TimerDrive]; !set || at.After(now) {
		return false, nil
	}
	x, err := d.Executions.Describe(ctx, d.Machine, job.ExecutionName())
	never := errors.Is(err, ops.ErrNoExecution)
	if err != nil && !never {
		return false, fmt.Errorf("look after %s: %w", job.Ref(), err)
	}
	attempt, over := 0, err == nil && x.Status != ops.ExecutionRunning
	if over {
		attempt = job.NextAttempt()
	}
	m.SetTimer(ops.TimerDrive, now.Add(again))
	m.UpdatedAt = now
	if err := d.Store.Save(ctx, job); err != nil {
		if ops.AsConflict(err) != nil {
			return false, nil //nolint:nilerr // it moves
		}
		return false, fmt.Errorf("claim %s: %w", job.Ref(), err)
	}
	switch {
	case attempt > MaxAttempts:
		return true, nil
	case over || never:
		return false, d.Start(ctx, job)
	}
	return false, nil
}
