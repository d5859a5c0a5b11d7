// Package quota holds requests to AWS services on this machine to the default quotas of an account in us-east-1: a bucket of
// tokens for each operation, which a request takes one of and time fills again. Nothing is counted unless it is asked for.
//
// The numbers are those of "Step Functions service quotas" and "Amazon EventBridge quotas" in AWS's documentation. AWS may
// give more at any time: what works within them works there.
package quota

import (
	"net/http"
	"sync"
	"time"

	"opsflow/shared/local/boundary"
	"opsflow/shared/ops"
)

// Bucket is how many requests may come at once, and how many more each second.
type Bucket struct {
	Size   float64
	Refill float64
}

// operation is one operation of a service.
type operation struct{ service, name string }

// The quotas of a standard account. An operation that is not here has none.
var (
	start = Bucket{1300, 300}
	tasks = Bucket{3000, 500}
	rules = Bucket{50, 50} // EventBridge's operations on rules and targets

	quotas = map[operation]Bucket{
		{boundary.States, "CreateActivity"}:                   {100, 1},
		{boundary.States, "CreateStateMachine"}:               {100, 1},
		{boundary.States, "DeleteActivity"}:                   {100, 1},
		{boundary.States, "DeleteStateMachine"}:               {100, 1},
		{boundary.States, "DescribeActivity"}:                 {200, 1},
		{boundary.States, "DescribeExecution"}:                {300, 15},
		{boundary.States, "DescribeMapRun"}:                   {200, 1},
		{boundary.States, "DescribeStateMachine"}:             {200, 20},
		{boundary.States, "DescribeStateMachineForExecution"}: {200, 1},
		{boundary.States, "GetActivityTask"}:                  tasks,
		{boundary.States, "GetExecutionHistory"}:              {400, 20},
		{boundary.States, "ListActivities"}:                   {100, 10},
		{boundary.States, "ListExecutions"}:                   {200, 5},
		{boundary.States, "ListMapRuns"}:                      {100, 1},
		{boundary.States, "ListStateMachines"}:                {100, 5},
		{boundary.States, "ListTagsForResource"}:              {100, 1},
		{boundary.States, "RedriveExecution"}:                 start,
		{boundary.States, "SendTaskFailure"}:                  tasks,
		{boundary.States, "SendTaskHeartbeat"}:                tasks,
		{boundary.States, "SendTaskSuccess"}:                  tasks,
		{boundary.States, "StartExecution"}:                   start,
		{boundary.States, "StopExecution"}:                    {1000, 200},
		{boundary.States, "TagResource"}:                      {200, 1},
		{boundary.States, "UntagResource"}:                    {200, 1},
		{boundary.States, "UpdateStateMachine"}:               {100, 1},
		{boundary.Events, "PutEvents"}:                        {10000, 10000},
		{boundary.Events, "DeleteRule"}:                       rules,
		{boundary.Events, "DescribeRule"}:                     rules,
		{boundary.Events, "ListRules"}:                        rules,
		{boundary.Events, "ListTargetsByRule"}:                rules,
		{boundary.Events, "PutRule"}:                          rules,
		{boundary.Events, "PutTargets"}:                       rules,
		{boundary.Events, "RemoveTargets"}:                    rules,
	}
)

// Of gives the quota of an operation, and whether it has one.
func Of(c boundary.Call) (Bucket, bool) {
	b, ok := quotas[operation{c.Service, c.Operation}]
	return b, ok
}

// MaxRunning is how many executions may run at once.
const MaxRunning = 1_000_000

// Limiter counts requests. A nil Limiter lets everything through. It is safe for concurrent use.
type Limiter struct {
	clock   ops.Clock
	running func() int

	mu     sync.Mutex
	levels map[operation]*level
}

// level is what is in a bucket.
type level struct {
	tokens float64
	at     time.Time
}

// New makes a limiter whose buckets are full and fill by the clock. running tells how many executions run.
func New(clock ops.Clock, running func() int) *Limiter {
	return &Limiter{clock: clock, running: running, levels: map[operation]*level{}}
}

// Take counts a request. Over its quota the error is the service's throttling one, and nothing is counted; or that too many
// executions run for another to start.
func (l *Limiter) Take(c boundary.Call) *boundary.Error {
	if l == nil {
		return nil
	}
	bucket, ok := Of(c)
	if !ok {
		return nil
	}
	if c.Service == boundary.States && c.Operation == "StartExecution" && l.running() >= MaxRunning {
		return &boundary.Error{
			Code: "ExecutionLimitExceeded", Status: http.StatusBadRequest, Message: "The maximum number of running executions has been reached. " +
				"Running executions must end or be stopped before a new execution can be started.",
		}
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	key := operation{c.Service, c.Operation}
	at, ok := l.levels[key]
	if !ok {
		at = &level{tokens: bucket.Size, at: now}
		l.levels[key] = at
	}
	if passed := now.Sub(at.at); passed > 0 {
		at.tokens, at.at = min(bucket.Size, at.tokens+passed.Seconds()*bucket.Refill), now
	}
	if at.tokens < 1 {
		return boundary.Throttled(c)
	}
	at.tokens--
	return nil
}

// Handler puts the quotas before an HTTP endpoint of AWS services. call tells what a request asks for.
func (l *Limiter) Handler(next http.Handler, call func(*http.Request) boundary.Call) http.Handler {
	if l == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call(r)
		if _, limited := Of(c); limited {
			if refused := l.Take(c); refused != nil {
				boundary.Refuse(w, r, refused)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
