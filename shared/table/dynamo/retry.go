package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"opsflow/shared/table"
)

const (
	tries     = 8
	firstWait = 25 * time.Millisecond // the most before the second try; doubled for each one after
	mostWait  = time.Second
)

// Option changes how a Table waits between tries.
type Option func(*Table)

// WithSleep sets how to wait; the default is a timer. It returns early, with the context's error, when ctx ends.
func WithSleep(sleep func(ctx context.Context, d time.Duration) error) Option {
	return func(t *Table) { t.sleep = sleep }
}

// WithRand sets where a wait below a maximum comes from: a number from 0 to n-1. The default is math/rand/v2. It is
// called from many goroutines.
func WithRand(below func(n int64) int64) Option {
	return func(t *Table) { t.below = below }
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once keeps the SDK from trying again by itself: only who knows of every try knows whether an answer was lost.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// errAgain asks retry for another try at once.
var errAgain = errors.New("the counter expired or came back meanwhile")

// retry calls f until it succeeds, fails for good or has had its tries, with full jitter in between.
func (t *Table) retry(ctx context.Context, f func() error) error {
	most := firstWait
	for try := 1; ; try++ {
		err := f()
		again := errors.Is(err, errAgain)
		if err == nil || ctx.Err() != nil || !again && !isBusy(err) && !isLost(err) {
			return err
		}
		if try == tries {
			if again || isBusy(err) {
				return &table.ThrottleError{Err: err}
			}
			return err
		}
		if again {
			continue
		}
		if err := t.sleep(ctx, time.Duration(t.below(int64(most)))); err != nil {
			return err
		}
		most = min(2*most, mostWait)
	}
}

func randBelow(n int64) int64 { return rand.Int64N(n) } //nolint:gosec // jitter is no secret

// isBusy reports whether DynamoDB refused for load or contention: nothing was written.
func isBusy(err error) bool {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		return slices.ContainsFunc(canceled.CancellationReasons, func(r types.CancellationReason) bool {
			switch aws.ToString(r.Code) {
			case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
				return true
			}
			return false
		})
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	if api.ErrorCode() == "TransactionConflictException" {
		return true
	}
	_, throttled := retry.DefaultThrottleErrorCodes[api.ErrorCode()]
	return throttled
}

// isLost reports whether the request may have been carried out although its answer is an error: the connection broke, or
// the service had a fault of its own.
func isLost(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary && !isBusy(err)
}
