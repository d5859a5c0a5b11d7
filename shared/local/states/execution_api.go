package states

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// StartExecutionInput names an execution to start. Name is made up when empty; Input is {} when empty.
type StartExecutionInput struct {
	StateMachineARN string
	Name            string
	Input           string
	TraceHeader     string // of X-Ray: kept and shown

	parent *link
}

func (in *StartExecutionInput) arn(e *Engine) string {
	return e.executionARN(&record{Machine: nameIn(in.StateMachineARN, "stateMachine"), Name: in.Name})
}

// StartExecutionOutput is the answer of StartExecution.
type StartExecutionOutput struct {
	ExecutionARN string
	StartDate    time.Time
}

// Execution describes an execution. Output, Error and Cause are nil when it has none.
type Execution struct {
	ARN             string
	StateMachineARN string
	VersionARN      string // empty: it was started by none
	AliasARN        string
	Name            string
	Status          string
	StartDate       time.Time
	StopDate        time.Time // zero while it runs
	Input           string
	Output          *string
	Error           *string
	Cause           *string
	TraceHeader     string
	MapRunARN       string // empty: it is no child of a map run
	Items           int    // of the map run, that a child works on
	RedriveCount    int
	RedriveDate     time.Time // zero: never
	RedriveStatus   string
	RedriveReason   string // why it can't be redriven
}

func parseInput(text string) (any, error) {
	v, err := value.Parse([]byte(text))
	if err != nil {
		return nil, apiError("InvalidExecutionInput", "Invalid State Machine Execution Input: '%s'", jacksonMessage(text, err))
	}
	return v, nil
}

// prepare makes an execution that has not begun.
func (e *Engine) prepare(ctx context.Context, in *StartExecutionInput) (*execution, error) {
	m, err := e.resolve(ctx, in.StateMachineARN)
	if err != nil {
		return nil, err
	}
	if in.Name == "" {
		if in.Name, err = uuid.New(e.random); err != nil {
			return nil, err
		}
	}
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if in.Input == "" {
		in.Input = "{}"
	}
	if len(in.Input) > maxPayload {
		return nil, apiError("InvalidExecutionInput", "Input exceeds the maximum of %d bytes", maxPayload)
	}
	input, err := parseInput(in.Input)
	if err != nil {
		return nil, err
	}
	g, err := e.definition(ctx, m.Definition)
	if err != nil {
		return nil, err
	}
	rec := record{
		Machine: m.name, Name: in.Name, Definition: m.Definition, Express: m.kind == TypeExpress, Role: m.Role,
		Revision: m.Revision, UpdatedAt: m.UpdatedAt, Settings: m.Settings, Version: m.version, Alias: m.alias,
		Input: in.Input, Status: StatusRunning, StartedAt: e.now().UnixMilli(), Parent: in.parent, Trace: in.TraceHeader,
	}
	if rec.Express {
		if rec.Run, err = uuid.New(e.random); err != nil {
			return nil, err
		}
	}
	return e.newExecution(rec.key(), rec, g, input), nil
}

// setTimeout lets TimeoutSeconds of the state machine begin.
func (x *execution) setTimeout() {
	x.changed[executionTimer] = true
	most := time.Duration(x.graph.timeout) * time.Second
	if x.rec.Express && (most == 0 || most > maxExpress) {
		most = maxExpress
	}
	if most > 0 {
		x.rec.TimeoutAt = x.e.now().Add(most).UnixMilli()
	}
}

// admit lets an execution that nobody else has yet do its first burst. It runs from then on that store has written it.
func (e *Engine) admit(ctx context.Context, x *execution, store func(*bbolt.Tx, []entry) error, do func()) error {
	x.mu.Lock()
	do()
	running := x.rec
	x.drain() //nolint:contextcheck // a task outlives the call that set it off
	if !x.ephemeral {
		entries, err := x.entries()
		if err == nil {
			if x.rec.Status == StatusRunning {
				entries = append(entries, entry{bucketExecutions, []byte(x.key), mustJSON(x.rec)})
			}
			err = e.db.Update(ctx, func(tx *bbolt.Tx) error { return store(tx, entries) })
		}
		if err != nil {
			x.mu.Unlock()
			return err
		}
	}
	if x.rec.Status == StatusRunning && !x.ephemeral {
		e.mu.Lock()
		e.running[x.key] = x
		e.mu.Unlock()
	}
	effects := x.settle()
	x.mu.Unlock()
	e.statusChanged(&running)
	for _, effect := range effects {
		effect()
	}
	return nil
}

// StartExecution starts an execution and returns once that is durable. The same name with the same input gives the
// execution that runs already. Errors: StateMachineDoesNotExist, InvalidName, InvalidExecutionInput,
// ExecutionAlreadyExists.
func (e *Engine) StartExecution(ctx context.Context, in StartExecutionInput) (StartExecutionOutput, error) {
	defer e.clock.Busy()()
	x, err := e.prepare(ctx, &in)
	if err != nil {
		return StartExecutionOutput{}, err
	}
	startedAt := x.rec.StartedAt
	var existing *record
	err = e.admit(ctx, x, func(tx *bbolt.Tx, entries []entry) error {
		existing = nil
		if text := tx.Bucket(bucketExecutions).Get([]byte(x.key)); text != nil {
			existing = &record{}
			return errors.Join(json.Unmarshal(text, existing), errStarted)
		}
		if !x.rec.Express { // those are not listed
			entries = append(entries, entry{bucketByStart, startKey(&x.rec), []byte{}})
		}
		return put(tx, entries)
	}, x.begin)
	switch {
	case existing == nil:
	case existing.Status == StatusRunning && existing.Input == in.Input && e.adopt(ctx, x.key, in.parent) == nil:
		startedAt, err = existing.StartedAt, nil
	default:
		err = apiError("ExecutionAlreadyExists", "Execution Already Exists: '%s'", x.arn)
	}
	if err != nil {
		return StartExecutionOutput{}, err
	}
	return StartExecutionOutput{x.arn, time.UnixMilli(startedAt).UTC()}, nil
}

// errStarted undoes the start of what runs already, or did.
var errStarted = errors.New("an execution of this name was started before")

// adopt has the execution tell another try of the task that it was started by of its end: the first one has not heard that it
// runs. The error says that it is over, or another task's.
func (e *Engine) adopt(ctx context.Context, key string, parent *link) error {
	if parent == nil {
		return nil
	}
	x := e.find(key)
	if x == nil {
		return errNotRunning
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.rec.Parent
	switch {
	case x.lost || x.rec.Status != StatusRunning:
		return errNotRunning
	case was != nil && *was == *parent:
		return nil
	case was != nil && (was.Key != parent.Key || was.Thread != parent.Thread):
		return errStarted
	}
	x.rec.Parent = parent
	err := e.db.Update(ctx, func(tx *bbolt.Tx) error {
		return put(tx, []entry{{bucketExecutions, []byte(key), mustJSON(x.rec)}})
	})
	if err != nil {
		x.rec.Parent = was
	}
	return err
}

// StartSyncExecution runs an express execution to its end. Nothing of it is kept.
func (e *Engine) StartSyncExecution(ctx context.Context, in StartExecutionInput) (*Execution, error) {
	busy := e.clock.Busy()
	defer busy()
	x, err := e.prepare(ctx, &in)
	if err != nil {
		return nil, err
	}
	if !x.rec.Express {
		return nil, errWrongType()
	}
	x.ephemeral = true
	if err := e.runToEnd(ctx, x, busy, x.begin); err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return e.describe(&x.rec, x.arn), nil
}

// runToEnd runs an execution that is not stored, and returns once it is over. busy ends what the clock waits for: the execution
// itself may wait.
func (e *Engine) runToEnd(ctx context.Context, x *execution, busy, begin func()) error {
	err := e.admit(ctx, x, nil, begin)
	busy()
	if err != nil {
		return err
	}
	select {
	case <-x.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

// ended follows an execution's end that is stored.
func (e *Engine) ended(x *execution, rec *record) {
	if rec.MapRun != "" {
		if parent := e.find(rec.Parent.Key); parent != nil {
			parent.tell(childEnd{rec.Parent.Thread, rec.Parent.Attempt, rec.MapAttempt, rec.MapRun, rec.Status})
		}
	} else if rec.Parent != nil {
		if parent := e.find(rec.Parent.Key); parent != nil {
			e.goBusy(func() { parent.childEnded(*rec.Parent, rec, x.arn) })
		}
	}
	if !x.ephemeral {
		e.statusChanged(rec)
	}
}

// checkChild gives a task the outcome of its child execution if that is over already.
func (e *Engine) checkChild(key string, l link) {
	e.goBusy(func() {
		rec, err := e.load(e.ctx, key)
		if err != nil {
			e.report(err)
			return
		}
		if parent := e.find(l.Key); parent != nil && rec.Status != StatusRunning {
			parent.childEnded(l, rec, e.executionARN(rec))
		}
	})
}

func (e *Engine) describe(rec *record, arn string) *Execution {
	d := &Execution{
		ARN: arn, StateMachineARN: e.machineARN(rec.Machine), Name: rec.Name, Status: rec.Status,
		StartDate: time.UnixMilli(rec.StartedAt).UTC(), Input: rec.Input, Output: rec.Output,
		Error: rec.Error, Cause: rec.Cause, TraceHeader: rec.Trace, RedriveCount: rec.Redrives, Items: rec.MapItems,
	}
	if rec.MapRun != "" {
		d.MapRunARN = e.mapRunARN(rec.MapRun)
	}
	d.VersionARN, d.AliasARN = e.versionARN(rec.Machine, rec.Version), e.aliasARN(rec.Machine, rec.Alias)
	d.RedriveStatus, d.RedriveReason = e.redriveStatus(rec)
	d.StopDate, d.RedriveDate = orNever(rec.StoppedAt), orNever(rec.RedrivenAt)
	return d
}

// described reads an execution that may be described.
func (e *Engine) described(ctx context.Context, arn string) (*record, error) {
	key, err := describedKey(arn)
	if err != nil {
		return nil, err
	}
	return e.load(ctx, key)
}

// DescribeExecution gives a standard execution, or an express one that is a child of a map run. Errors: InvalidArn, ExecutionDoesNotExist.
func (e *Engine) DescribeExecution(ctx context.Context, arn string) (*Execution, error) {
	rec, err := e.described(ctx, arn)
	if err != nil {
		return nil, err
	}
	return e.describe(rec, e.executionARN(rec)), nil
}

// StopExecution aborts a running execution and returns when; stopping one that is over changes nothing.
func (e *Engine) StopExecution(ctx context.Context, arn, errorName, cause string) (time.Time, error) {
	key, err := standardKey(arn)
	if err != nil {
		return time.Time{}, err
	}
	d, err := e.DescribeExecution(ctx, arn)
	if err != nil {
		return time.Time{}, err
	}
	if x := e.find(key); x != nil {
		f := &failure{Name: errorName, Cause: cause, noError: errorName == "", noCause: cause == ""}
		if err := x.abort(ctx, f); err == nil {
			x.mu.Lock()
			defer x.mu.Unlock()
			return time.UnixMilli(x.rec.StoppedAt).UTC(), nil
		}
		if d, err = e.DescribeExecution(ctx, arn); err != nil {
			return time.Time{}, err
		}
	}
	if d.Status == StatusRunning {
		return time.Time{}, apiError("ServiceUnavailable", "The execution is being loaded; try again")
	}
	return d.StopDate, nil
}

func (x *execution) abort(ctx context.Context, f *failure) error {
	return x.burst(ctx, func() error {
		x.end(StatusAborted, nil, f)
		return nil
	})
}
