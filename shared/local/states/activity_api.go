package states

import (
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/states/value"
)

// pollTime is how long GetActivityTask waits for a task.
const pollTime = 60 * time.Second

// Activity describes an activity.
type Activity struct {
	ARN       string
	Name      string
	CreatedAt time.Time
}

// activityTask is a task that a worker may take.
type activityTask struct {
	x       *execution
	thread  int
	attempt int
}

func (e *Engine) hasActivity(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.activities[name]
}

// CreateActivity makes an activity, or gives the one of that name.
func (e *Engine) CreateActivity(ctx context.Context, name string) (*Activity, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	at := e.now().UnixMilli()
	err := e.db.Update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketActivities)
		if old := b.Get([]byte(name)); old != nil {
			at = int64(binary.BigEndian.Uint64(old))
			return nil
		}
		return b.Put([]byte(name), binary.BigEndian.AppendUint64(nil, uint64(at)))
	})
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.activities[name] = true
	e.mu.Unlock()
	return &Activity{e.activityARN(name), name, time.UnixMilli(at).UTC()}, nil
}

// DeleteActivity forgets an activity. One that does not exist is no error.
func (e *Engine) DeleteActivity(ctx context.Context, arn string) error {
	name := nameIn(arn, "activity")
	if name == "" {
		return apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	err := e.db.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(bucketActivities).Delete([]byte(name)) })
	if err != nil {
		return err
	}
	e.mu.Lock()
	delete(e.activities, name)
	e.mu.Unlock()
	return nil
}

// ListActivities gives up to limit activities by name and where the next page begins.
func (e *Engine) ListActivities(ctx context.Context, limit int, token string) (list []Activity, next string, err error) {
	from, err := pageStart(token)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketActivities).Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if len(list) == limit {
				next = pageToken(k)
				return nil
			}
			at := time.UnixMilli(int64(binary.BigEndian.Uint64(v))).UTC()
			list = append(list, Activity{e.activityARN(string(k)), string(k), at})
		}
		return nil
	})
	return list, next, err
}

// DescribeActivity gives an activity. Errors: InvalidArn, ActivityDoesNotExist.
func (e *Engine) DescribeActivity(ctx context.Context, arn string) (*Activity, error) {
	name := nameIn(arn, "activity")
	if name == "" {
		return nil, apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	list, _, err := e.ListActivities(ctx, 1, pageToken([]byte(name)))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Name != name {
		return nil, errNoActivity(arn)
	}
	return &list[0], nil
}

func (e *Engine) offer(name string, t activityTask) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.offered[name] = append(e.offered[name], t)
	close(e.arrival)
	e.arrival = make(chan struct{})
}

// GetActivityTask waits up to 60 seconds for a task of an activity. token is empty when there was none.
func (e *Engine) GetActivityTask(ctx context.Context, arn, worker string) (token, input string, err error) {
	name := nameIn(arn, "activity")
	if !e.hasActivity(name) {
		return "", "", errNoActivity(arn)
	}
	over := make(chan struct{})
	stop := e.clock.AfterFunc(e.now().Add(pollTime), func() { close(over) })
	defer stop()
	for {
		e.mu.Lock()
		arrival := e.arrival
		var next *activityTask
		if list := e.offered[name]; len(list) > 0 {
			next, e.offered[name] = &list[0], list[1:]
		}
		e.mu.Unlock()
		if next != nil {
			token, input, err = next.take(ctx, worker)
			if token != "" || err != nil {
				return token, input, err
			}
			continue
		}
		select {
		case <-arrival:
		case <-over:
			return "", "", nil
		case <-ctx.Done():
			return "", "", ctx.Err()
		case <-e.ctx.Done():
			return "", "", e.ctx.Err()
		}
	}
}

// take gives the task to a worker; the token is empty when nobody waits for the task any more.
func (a *activityTask) take(ctx context.Context, worker string) (token, input string, err error) {
	x := a.x
	err = x.burst(ctx, func() error {
		t := x.threads[a.thread]
		if t == nil || t.Phase != phaseTask || t.Task.Attempt != a.attempt || t.Task.Submitted {
			return errNotRunning
		}
		x.touch(t)
		t.Task.Submitted = true
		details := map[string]any{}
		if worker != "" {
			details["workerName"] = worker
		}
		x.event(t, "ActivityStarted", details)
		token, input = t.Task.Token, string(value.Text(t.Task.Parameters.V))
		return nil
	})
	if err != nil {
		token = ""
		if x.e.ctx.Err() == nil && ctx.Err() == nil {
			x.e.report(err)
			err = nil
		}
	}
	return token, input, err
}
