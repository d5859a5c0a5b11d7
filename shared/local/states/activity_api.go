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

// CreateActivity makes an activity, or gives the one of that name, whatever its tags.
func (e *Engine) CreateActivity(ctx context.Context, name string, tags ...Tag) (*Activity, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	at := e.now().UnixMilli()
	err := e.db.Update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketActivities)
		if old := b.Get([]byte(name)); old != nil {
			at = int64(beUint64(old)) //nolint:gosec // a time
			return nil
		}
		made := entry{bucketActivities, []byte(name), binary.BigEndian.AppendUint64(nil, uint64(at))} //nolint:gosec // a time
		return put(tx, append(tagEntries(activityTags+name, tags), made))
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
	err := e.db.Update(ctx, func(tx *bbolt.Tx) error {
		return put(tx, []entry{{bucketActivities, []byte(name), nil}, {bucketTags, []byte(activityTags + name), nil}})
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	delete(e.activities, name)
	e.mu.Unlock()
	return nil
}

// ListActivities gives a page of activities by name, and what leads to the next.
func (e *Engine) ListActivities(ctx context.Context, p Page) (list []Activity, next string, err error) {
	l := listing{name: listName("activities"), bucket: bucketActivities}
	return scan(ctx, e, l, p, func(_ *bbolt.Tx, k, v []byte) (*Activity, error) { return e.describeActivity(string(k), v), nil })
}

func (e *Engine) describeActivity(name string, stored []byte) *Activity {
	return &Activity{e.activityARN(name), name, time.UnixMilli(int64(beUint64(stored))).UTC()} //nolint:gosec // a time
}

// DescribeActivity gives an activity. Errors: InvalidArn, ActivityDoesNotExist.
func (e *Engine) DescribeActivity(ctx context.Context, arn string) (*Activity, error) {
	name := nameIn(arn, "activity")
	if name == "" {
		return nil, apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	var a *Activity
	err := e.db.View(ctx, func(tx *bbolt.Tx) error {
		if stored := tx.Bucket(bucketActivities).Get([]byte(name)); stored != nil {
			a = e.describeActivity(name, stored)
		}
		return nil
	})
	if err == nil && a == nil {
		err = errNoActivity(arn)
	}
	return a, err
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
