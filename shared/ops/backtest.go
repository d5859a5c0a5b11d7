package ops

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// BacktestRetention is how long a backtest is kept with its result.
const BacktestRetention = 30 * 24 * time.Hour

// BacktestStatus tells how a backtest stands.
type BacktestStatus string

// The statuses of a backtest.
const (
	BacktestRunning   BacktestStatus = "running"
	BacktestCompleted BacktestStatus = "completed"
	BacktestFailed    BacktestStatus = "failed" // Error says why
)

// Backtest goes through stored events to tell what rules would have made of them. Its result, event by event, is in its pages.
type Backtest struct {
	Meta
	ID     string          `json:"id"`    // "bkt-" and 26 characters
	Asked  json.RawMessage `json:"asked"` // the rules and the period
	Actor  Actor           `json:"actor"` // who asked for it
	Status BacktestStatus  `json:"status"`
	// ReadFrom is the arrival from which on events are read: before From when rules ask about subjects, for what was known of
	// them came earlier. Through is how far it has come, and Read how many events it has read.
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	ReadFrom time.Time `json:"read_from,omitzero"`
	Through  time.Time `json:"through,omitzero"`
	Read     int       `json:"read"`
	// Lines is how many events, for each rule that they trigger, are in the pages; Cut says that there were more.
	Lines   int             `json:"lines"`
	Cut     bool            `json:"cut,omitempty"`
	Pages   int             `json:"pages"`
	Result  json.RawMessage `json:"result,omitempty"` // the sum, once it is completed
	Error   string          `json:"error,omitempty"`
	Attempt int             `json:"attempt"` // of driving it; 1 for the first execution
	EndedAt time.Time       `json:"ended_at,omitzero"`
}

// BacktestPrefix begins the ids of backtests.
const BacktestPrefix = "bkt-"

// IsBacktest reports whether an id is a backtest's.
func IsBacktest(id string) bool { return strings.HasPrefix(id, BacktestPrefix) }

// Ref names the record.
func (b *Backtest) Ref() Ref { return Ref{KindBacktest, b.ID} }

// ExecutionName is the name of the execution that drives the present attempt.
func (b *Backtest) ExecutionName() string { return b.ID + "-" + strconv.Itoa(b.Attempt) }

// NextAttempt begins another attempt, and gives its number.
func (b *Backtest) NextAttempt() int { b.Attempt++; return b.Attempt }

// Parts is 1: limits are counted and subjects followed from the first event to the last.
func (b *Backtest) Parts() int { return 1 }

// Percent is how much of the time that it goes through is behind it.
func (b *Backtest) Percent() int {
	if b.Status == BacktestCompleted {
		return 100
	}
	whole := b.To.Sub(b.ReadFrom)
	if b.Through.IsZero() || whole <= 0 {
		return 0
	}
	return min(int(100*b.Through.Sub(b.ReadFrom)/whole), 99)
}

// BacktestPage is a part of the result of a backtest, event by event.
type BacktestPage struct {
	Meta
	BacktestID string `json:"backtest"`
	Number     int    `json:"number"` // 0, 1, 2, ...
	Lines      int    `json:"lines"`
	Data       []byte `json:"data"` // lines of JSON, compressed by gzip
}

// Ref names the record.
func (p *BacktestPage) Ref() Ref {
	return Ref{KindBacktestPage, p.BacktestID + "." + strconv.Itoa(p.Number)}
}

// BacktestStore keeps backtests.
type BacktestStore interface {
	// Backtest reads one, consistently. CodeNotFound.
	Backtest(ctx context.Context, id string) (*Backtest, error)
	// BacktestPage reads a part of its result, consistently. CodeNotFound.
	BacktestPage(ctx context.Context, id string, number int) (*BacktestPage, error)
	// Backtests lists newest first, without what was asked and the result.
	Backtests(ctx context.Context, p PageRequest) (Page[*Backtest], error)
}
