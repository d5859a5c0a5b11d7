package states

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
)

// ListExecutionsInput says which executions are listed: those of a state machine, of one of its versions or by one of its
// aliases, or the children of a map run.
type ListExecutionsInput struct {
	StateMachineARN string
	MapRunARN       string
	Status          string // empty: any
	Redrive         string // REDRIVEN or NOT_REDRIVEN; empty: both
	Page            Page
}

var (
	statuses       = []string{StatusRunning, StatusSucceeded, StatusFailed, StatusTimedOut, StatusAborted}
	redriveFilters = []string{"REDRIVEN", "NOT_REDRIVEN"}
)

// filter says whether an execution is wanted.
func (in *ListExecutionsInput) wants(rec *record, t *target) bool {
	return (in.Status == "" || rec.Status == in.Status) &&
		(in.Redrive == "" || (rec.Redrives > 0) == (in.Redrive == redriveFilters[0])) &&
		(t.version == 0 || t.alias != "" || rec.Version == t.version) && (t.alias == "" || rec.Alias == t.alias)
}

// oneOf checks a filter's value.
func oneOf(field, given string, values []string) error {
	if given == "" {
		return nil
	}
	var f constraint.Faults
	f.Enum(field, given, values...)
	return broken(f)
}

// ListExecutions gives a page of executions, the newest first, and what leads to the next. Errors: InvalidArn, InvalidToken,
// StateMachineDoesNotExist, StateMachineTypeNotSupported, ValidationException.
func (e *Engine) ListExecutions(ctx context.Context, in ListExecutionsInput) (list []Execution, next string, err error) {
	all := append(slices.Clone(statuses), statusPendingRedrive)
	for _, err := range []error{oneOf("statusFilter", in.Status, all), oneOf("redriveFilter", in.Redrive, redriveFilters)} {
		if err != nil {
			return nil, "", err
		}
	}
	switch {
	case (in.StateMachineARN == "") == (in.MapRunARN == ""):
		return nil, "", invalid("Exactly one of stateMachineArn and mapRunArn must be specified")
	case in.MapRunARN != "":
		return e.listChildren(ctx, in)
	case in.Status == statusPendingRedrive:
		return nil, "", invalid("The status filter %s needs a mapRunArn", statusPendingRedrive)
	}
	t, err := e.resolve(ctx, in.StateMachineARN)
	if err != nil {
		return nil, "", err
	}
	if t.kind == TypeExpress {
		return nil, "", errWrongType()
	}
	l := listing{listName("executions", in.StateMachineARN, in.Status, in.Redrive), bucketByStart, append([]byte(t.name), 0)}
	return scan(ctx, e, l, in.Page, func(tx *bbolt.Tx, k, _ []byte) (*Execution, error) {
		key := t.name + ":" + string(k[len(l.prefix)+8:])
		rec, err := read[record](tx, bucketExecutions, []byte(key))
		if err != nil || !in.wants(rec, t) {
			return nil, err
		}
		return e.describe(rec, e.executionARN(rec)), nil
	})
}

// GetExecutionHistory gives all events of an execution, the oldest first.
func (e *Engine) GetExecutionHistory(ctx context.Context, arn string) ([]HistoryEvent, error) {
	key, err := standardKey(arn)
	if err != nil {
		return nil, err
	}
	if _, err := e.load(ctx, key); err != nil {
		return nil, err
	}
	var all []HistoryEvent
	prefix := append([]byte(key), 0)
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketHistory).Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			var batch []HistoryEvent
			if err := json.Unmarshal(v, &batch); err != nil {
				return err
			}
			all = append(all, batch...)
		}
		return nil
	})
	return slices.Clip(all), err
}
