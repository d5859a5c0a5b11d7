package states

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// statusPendingRedrive is the status of a child that failed and waits for its turn in the redrive of its map run.
const statusPendingRedrive = "PENDING_REDRIVE"

// MapRun describes a map run.
type MapRun struct {
	ARN             string
	ExecutionARN    string
	StateMachineARN string // with the label
	Status          string // RUNNING, SUCCEEDED, FAILED or ABORTED
	StartDate       time.Time
	StopDate        time.Time // zero while it runs
	MaxConcurrency  int64     // 0: no limit
	Count           int64     // of failed items that are tolerated
	Percentage      float64   // of them
	Items           Counts
	Executions      Counts
	RedriveCount    int
	RedriveDate     time.Time // zero: never
}

// Counts are how many items or children of a map run have come to what.
type Counts struct {
	Pending               int `json:"pending"`
	Running               int `json:"running"`
	Succeeded             int `json:"succeeded"`
	Failed                int `json:"failed"`
	TimedOut              int `json:"timedOut"`
	Aborted               int `json:"aborted"`
	Total                 int `json:"total"`
	ResultsWritten        int `json:"resultsWritten"`
	FailuresNotRedrivable int `json:"failuresNotRedrivable"`
	PendingRedrive        int `json:"pendingRedrive"`
}

func (c *Counts) add(rec *record, run *mapRun, n int) {
	c.Pending -= n
	switch rec.Status {
	case StatusRunning:
		c.Running += n
		return
	case StatusSucceeded:
		c.Succeeded += n
	case StatusTimedOut:
		c.TimedOut += n
	case StatusAborted:
		c.Aborted += n
	default:
		c.Failed += n
	}
	if rec.pendingRedrive(run) {
		c.PendingRedrive += n
	}
	c.ResultsWritten += n
}

// mapRunKey is what a map run's ARN ends with: machine/label:id.
func mapRunKey(arn string) (string, error) {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) < 7 || parts[2] != "states" || parts[5] != "mapRun" || !strings.Contains(parts[6], "/") {
		return "", apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	return parts[6], nil
}

func (e *Engine) describeRun(key string, run *mapRun) *MapRun {
	machine, _, _ := strings.Cut(key, ":")
	d := &MapRun{
		ARN: e.mapRunARN(key), ExecutionARN: e.arnOfKey(run.Execution), StateMachineARN: e.machineARN(machine), Status: run.Status,
		StartDate: orNever(run.StartedAt), StopDate: orNever(run.StoppedAt), MaxConcurrency: run.Concurrency,
		RedriveCount: run.Redrives, RedriveDate: orNever(run.RedrivenAt),
		Items:      Counts{Total: run.Items, Pending: run.Items},
		Executions: Counts{Total: run.Children, Pending: run.Children},
	}
	if run.Tolerated.Count != nil {
		d.Count = *run.Tolerated.Count
	}
	if run.Tolerated.Percentage != nil {
		d.Percentage = *run.Tolerated.Percentage
	}
	return d
}

// DescribeMapRun gives a map run, with what its children have come to. Errors: InvalidArn, ResourceNotFound.
func (e *Engine) DescribeMapRun(ctx context.Context, arn string) (*MapRun, error) {
	key, err := mapRunKey(arn)
	if err != nil {
		return nil, err
	}
	run, err := e.loadMapRun(ctx, key)
	if err != nil {
		return nil, err
	}
	d := e.describeRun(key, run)
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		for _, child := range keysWith(tx, bucketMapChildren, append([]byte(key), 0)) {
			rec, err := read[record](tx, bucketExecutions, tx.Bucket(bucketMapChildren).Get(child))
			if err != nil || rec == nil {
				return err
			}
			d.Items.add(rec, run, rec.MapItems)
			d.Executions.add(rec, run, 1)
		}
		return nil
	})
	return d, err
}

// ListMapRuns gives a page of the map runs of an execution, the newest first, without their counts, and what leads to the next.
// Errors: InvalidArn, InvalidToken, ExecutionDoesNotExist.
func (e *Engine) ListMapRuns(ctx context.Context, executionARN string, p Page) (list []MapRun, next string, err error) {
	key, err := standardKey(executionARN)
	if err != nil {
		return nil, "", err
	}
	if _, err := e.load(ctx, key); err != nil {
		return nil, "", err
	}
	l := listing{listName("map runs", key), bucketMapRunsOf, append([]byte(key), 0)}
	return scan(ctx, e, l, p, func(tx *bbolt.Tx, _, id []byte) (*MapRun, error) {
		run, err := read[mapRun](tx, bucketMapRuns, id)
		if err != nil {
			return nil, err
		}
		return e.describeRun(string(id), run), nil
	})
}

// UpdateMapRun changes the limits of a map run that is going on, where not nil. Errors: InvalidArn, ResourceNotFound,
// ValidationException.
func (e *Engine) UpdateMapRun(ctx context.Context, arn string, concurrency, count *int64, percentage *float64) error {
	key, err := mapRunKey(arn)
	if err != nil {
		return err
	}
	switch {
	case concurrency == nil && count == nil && percentage == nil:
		return invalid("One of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified")
	case concurrency != nil && *concurrency < 0:
		return invalid("maxConcurrency must not be negative, got %d", *concurrency)
	case count != nil && *count < 0:
		return invalid("toleratedFailureCount must not be negative, got %d", *count)
	case percentage != nil && (*percentage < 0 || *percentage > 100):
		return invalid("toleratedFailurePercentage must be from 0 to 100, got %v", *percentage)
	}
	run, err := e.loadMapRun(ctx, key)
	if err != nil {
		return err
	}
	over := invalid("The Map Run %s is %s and can't be updated", arn, run.Status)
	x := e.find(run.Execution)
	if x == nil {
		return over
	}
	err = x.burst(ctx, func() error {
		t, a := x.threads[run.Thread], x.runs[run.Thread]
		if t == nil || a == nil || a.key != key || !x.going(t, a) {
			return over
		}
		if concurrency != nil {
			a.Concurrency = *concurrency
		}
		if count != nil {
			a.Tolerated.Count = count
		}
		if percentage != nil {
			a.Tolerated.Percentage = percentage
		}
		x.saveRun(a)
		x.goOnWith(t, a)
		return nil
	})
	if err == errNotRunning { //nolint:errorlint // it is never wrapped
		return over
	}
	return err
}

// listChildren is ListExecutions of a map run: its children, the last that began first. Error: ResourceNotFound.
func (e *Engine) listChildren(ctx context.Context, in ListExecutionsInput) (list []Execution, next string, err error) {
	key, err := mapRunKey(in.MapRunARN)
	if err != nil {
		return nil, "", err
	}
	run, err := e.loadMapRun(ctx, key)
	if err != nil {
		return nil, "", err
	}
	l := listing{listName("children", key, in.Status, in.Redrive), bucketMapChildren, append([]byte(key), 0)}
	return scan(ctx, e, l, in.Page, func(tx *bbolt.Tx, _, child []byte) (*Execution, error) {
		var rec record
		if err := json.Unmarshal(tx.Bucket(bucketExecutions).Get(child), &rec); err != nil {
			return nil, err
		}
		d := e.describe(&rec, e.executionARN(&rec))
		if rec.pendingRedrive(run) {
			d.Status = statusPendingRedrive
		}
		if in.Status != "" && in.Status != d.Status || in.Redrive != "" && (rec.Redrives > 0) != (in.Redrive == redriveFilters[0]) {
			return nil, nil
		}
		return d, nil
	})
}
