package ops

import (
	"context"
	"encoding/json"
	"strconv"
	"time"
)

// BulkAction is what a bulk operation does to each of its items: the same as the request for one of them would.
type BulkAction string

// The bulk actions.
const (
	BulkAcknowledgeAlerts BulkAction = "alert.acknowledge"
	BulkResolveAlerts     BulkAction = "alert.resolve"
	BulkCloseAlerts       BulkAction = "alert.close"
	BulkClaimTasks        BulkAction = "task.claim"
	BulkCompleteTasks     BulkAction = "task.complete"
	BulkRejectTasks       BulkAction = "task.reject"
	BulkPauseWorkflows    BulkAction = "workflow.pause"
	BulkResumeWorkflows   BulkAction = "workflow.resume"
	BulkCancelWorkflows   BulkAction = "workflow.cancel"
	BulkRetryWorkflows    BulkAction = "workflow.retry"
	BulkReplayEvents      BulkAction = "event.replay"
)

// BulkActions lists the bulk actions.
func BulkActions() []BulkAction {
	return []BulkAction{
		BulkAcknowledgeAlerts, BulkResolveAlerts, BulkCloseAlerts, BulkClaimTasks, BulkCompleteTasks, BulkRejectTasks,
		BulkPauseWorkflows, BulkResumeWorkflows, BulkCancelWorkflows, BulkRetryWorkflows, BulkReplayEvents,
	}
}

// BulkStatus tells how a bulk operation stands.
type BulkStatus string

// The statuses of a bulk operation.
const (
	BulkRunning   BulkStatus = "running"
	BulkCompleted BulkStatus = "completed" // every item has an outcome, whichever
)

// BulkOutcome is what became of one item.
type BulkOutcome string

// The outcomes of an item.
const (
	BulkPending BulkOutcome = "pending"
	BulkDone    BulkOutcome = "done"
	BulkRefused BulkOutcome = "refused" // as the request for this item alone would have been; its code says why
	BulkFailed  BulkOutcome = "failed"  // something of ours did not work; the item can be tried again
)

// BulkOutcomes lists the outcomes of an item.
func BulkOutcomes() []BulkOutcome {
	return []BulkOutcome{BulkPending, BulkDone, BulkRefused, BulkFailed}
}

const (
	// MaxBulkItems is how many items one bulk operation can have.
	MaxBulkItems = 10_000
	// BulkChunkItems is how many items a chunk has: what one invocation works through, and small enough that an operation
	// of MaxBulkItems and all of its chunks are stored in one transaction.
	BulkChunkItems = 125
)

// Bulk does one thing to many records, whose selection is frozen when it is made: the items are in its chunks.
type Bulk struct {
	Meta
	ID         string          `json:"id"` // "blk-" and 26 characters
	Action     BulkAction      `json:"action"`
	Params     json.RawMessage `json:"params,omitempty"`
	Filter     json.RawMessage `json:"filter,omitempty"` // where the selection came from; absent: from ids
	Actor      Actor           `json:"actor"`            // who asked for it, and as whom each item is done
	Status     BulkStatus      `json:"status"`
	Total      int             `json:"total"`
	Counts     BulkCounts      `json:"counts"` // of finished chunks
	ChunksLeft int             `json:"chunks_left"`
	Attempt    int             `json:"attempt"` // of driving it; 1 for the first execution
	EndedAt    time.Time       `json:"ended_at,omitzero"`
}

// BulkCounts counts items by outcome.
type BulkCounts struct {
	Pending int `json:"pending"`
	Done    int `json:"done"`
	Refused int `json:"refused"`
	Failed  int `json:"failed"`
}

// Add counts n items with an outcome.
func (c *BulkCounts) Add(o BulkOutcome, n int) {
	switch o {
	case BulkPending:
		c.Pending += n
	case BulkDone:
		c.Done += n
	case BulkRefused:
		c.Refused += n
	case BulkFailed:
		c.Failed += n
	}
}

// TimerDrive is the timer of what an execution drives, a bulk operation or a backtest: it should be over by now.
const TimerDrive = "drive"

// Ref names the record.
func (b *Bulk) Ref() Ref { return Ref{KindBulk, b.ID} }

// Parts is how many chunks the operation has.
func (b *Bulk) Parts() int { return (b.Total + BulkChunkItems - 1) / BulkChunkItems }

// ExecutionName is the name of the execution that drives the present attempt.
func (b *Bulk) ExecutionName() string { return b.ID + "-" + strconv.Itoa(b.Attempt) }

// NextAttempt begins another attempt, and gives its number.
func (b *Bulk) NextAttempt() int { b.Attempt++; return b.Attempt }

// BulkItem is one item of a bulk operation with what became of it.
type BulkItem struct {
	ID      string      `json:"id"`
	Outcome BulkOutcome `json:"outcome"`
	Code    Code        `json:"code,omitempty"`   // why not, for programs
	Reason  string      `json:"reason,omitempty"` // why not, for people
	Note    string      `json:"note,omitempty"`   // what came of it, where that isn't plain
}

// BulkChunk is a part of a bulk operation's items.
type BulkChunk struct {
	Meta
	BulkID string     `json:"bulk"`
	Number int        `json:"number"` // 0, 1, 2, ...
	Items  []BulkItem `json:"items"`
	// Tries counts how often somebody began to work on it. From the second time on, an item without an outcome may have
	// been done already.
	Tries int `json:"tries,omitempty"`
}

// Ref names the record.
func (c *BulkChunk) Ref() Ref {
	return Ref{KindBulkChunk, c.BulkID + "." + strconv.Itoa(c.Number)}
}

// Finished reports whether every item has its outcome.
func (c *BulkChunk) Finished() bool {
	for _, i := range c.Items {
		if i.Outcome == BulkPending {
			return false
		}
	}
	return true
}

// BulkStore keeps bulk operations, 90 days.
type BulkStore interface {
	// Bulk reads one, consistently. CodeNotFound.
	Bulk(ctx context.Context, id string) (*Bulk, error)
	// BulkChunk reads one of its chunks, consistently. CodeNotFound.
	BulkChunk(ctx context.Context, id string, number int) (*BulkChunk, error)
	// Bulks lists newest first, without parameters.
	Bulks(ctx context.Context, p PageRequest) (Page[*Bulk], error)
}
