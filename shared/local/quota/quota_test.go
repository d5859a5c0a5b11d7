package quota_test

import (
	"errors"
	"testing"
	"time"

	"opsflow/shared/local/boundary"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/quota"
)

var start = boundary.Call{Service: boundary.States, Operation: "StartExecution"}

// nobody runs.
func nobody() int { return 0 }

func TestNoMoreExecutionsStartThanMayRun(t *testing.T) {
	t.Parallel()
	running := quota.MaxRunning - 1
	l := quota.New(clock.Virtual(time.Now()), func() int { return running })
	if err := l.Take(start); err != nil {
		t.Errorf("the last one that may run: %v", err)
	}
	running++
	if err := l.Take(start); err == nil || err.Code != "ExecutionLimitExceeded" {
		t.Errorf("one more: %v", err)
	}
	if err := l.Take(boundary.Call{Service: boundary.States, Operation: "StopExecution"}); err != nil {
		t.Errorf("stopping one: %v", err)
	}
}

// takes counts how many requests are let through, of many.
func takes(t *testing.T, l *quota.Limiter, c boundary.Call) (n int) {
	t.Helper()
	for n < 20000 {
		err := l.Take(c)
		if err == nil {
			n++
			continue
		}
		if *err != (boundary.Error{Code: "ThrottlingException", Message: "Rate exceeded", Status: 400}) {
			t.Errorf("refused with %+v", err)
		}
		break
	}
	return n
}

func TestBucketHoldsItsSizeAndTimeFillsItAgain(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC))
	l := quota.New(c, nobody)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1300}, {0, 0}, {time.Second, 300}, {10 * time.Millisecond, 3}, {time.Hour, 1300}} {
		if err := c.Advance(t.Context(), step.after); err != nil {
			t.Fatal(err)
		}
		if n := takes(t, l, start); n != step.want {
			t.Errorf("after %s more, %d requests are let through, want %d", step.after, n, step.want)
		}
	}
}

func TestEachOperationHasItsOwnBucket(t *testing.T) {
	t.Parallel()
	l := quota.New(clock.Virtual(time.Now()), nobody)
	for _, want := range []struct {
		service, operation string
		n                  int
	}{
		{boundary.States, "StartExecution", 1300},
		{boundary.States, "StopExecution", 1000},
		{boundary.States, "DescribeExecution", 300},
		{boundary.Events, "PutEvents", 10000},
		{boundary.DynamoDB, "PutItem", 20000}, // has none
	} {
		if n := takes(t, l, boundary.Call{Service: want.service, Operation: want.operation}); n != want.n {
			t.Errorf("%s:%s lets %d through, want %d", want.service, want.operation, n, want.n)
		}
	}
}

func TestWithoutALimiterNothingIsRefused(t *testing.T) {
	t.Parallel()
	var none *quota.Limiter
	var err error
	for range 2000 {
		if refused := none.Take(start); refused != nil {
			err = errors.Join(err, refused)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
