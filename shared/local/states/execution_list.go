package states

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"go.etcd.io/bbolt"
)

// ListExecutions gives executions of a state machine, the newest first, and where the next page begins. An empty status
// means any.
func (e *Engine) ListExecutions(ctx context.Context, machineARN, status string, limit int, token string) (list []Execution, next string, err error) {
	name, m, err := e.machine(ctx, machineARN)
	if err != nil {
		return nil, "", err
	}
	if m.Type == TypeExpress {
		return nil, "", errWrongType()
	}
	prefix := append([]byte(name), 0)
	from := prefix
	if token != "" {
		if from, err = base64.RawURLEncoding.DecodeString(token); err != nil || !bytes.HasPrefix(from, prefix) {
			return nil, "", apiError("InvalidToken", "Invalid Token: 'Invalid token'")
		}
	}
	limit = pageSize(limit)
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		records := tx.Bucket(bucketExecutions)
		c := tx.Bucket(bucketByStart).Cursor()
		for k, _ := c.Seek(from); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			var rec record
			key := name + ":" + string(k[len(prefix)+8:])
			if err := json.Unmarshal(records.Get([]byte(key)), &rec); err != nil {
				return err
			}
			if status != "" && rec.Status != status {
				continue
			}
			if len(list) == limit {
				next = base64.RawURLEncoding.EncodeToString(k)
				return nil
			}
			list = append(list, *e.describe(&rec, e.executionARN(&rec)))
		}
		return nil
	})
	return list, next, err
}

// GetExecutionHistory gives all events of an execution, the oldest first.
func (e *Engine) GetExecutionHistory(ctx context.Context, arn string) ([]HistoryEvent, error) {
	if _, err := e.DescribeExecution(ctx, arn); err != nil {
		return nil, err
	}
	var all []HistoryEvent
	prefix := append([]byte(executionKey(arn)), 0)
	err := e.db.View(ctx, func(tx *bbolt.Tx) error {
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
