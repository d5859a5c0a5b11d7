package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// replayBucket holds replays by name.
var replayBucket = []byte("events.replays")

// Replay sends events of an archive once more to the rules of the bus that they came from. They keep id and time and carry
// the replay's name.
type Replay struct {
	Name        string
	ARN         string // set by the engine
	Description string `json:",omitempty"`
	ArchiveARN  string
	// Events accepted at or after From and before To are replayed.
	From, To    time.Time
	Destination string   // ARN of the bus
	Rules       []string `json:",omitempty"` // ARNs of the rules to send to; empty: all
	State       string   // set by the engine: COMPLETED
	Started     time.Time
	Ended       time.Time
	Last        time.Time // time of the last event that was replayed
}

// replayBatch is how many events go into the queue in one change.
const replayBatch = 100

// StartReplay puts the events of a replay on the queue and returns when all are there. ResourceAlreadyExistsException,
// ResourceNotFoundException (archive or bus) or ValidationException.
func (e *Engine) StartReplay(ctx context.Context, r Replay) (Replay, error) {
	if err := checkName("replayName", r.Name, 64); err != nil {
		return Replay{}, err
	}
	if !r.From.Before(r.To) {
		return Replay{}, invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	}
	_, archiveName, _ := strings.Cut(r.ArchiveARN, ":archive/")
	e.mu.RLock()
	a, b := e.archives[archiveName], e.buses[busName(r.Destination)]
	e.mu.RUnlock()
	if a == nil {
		return Replay{}, invalid("Parameter EventSourceArn is not valid. Reason: Archive %s does not exist.", archiveName)
	}
	if b == nil {
		return Replay{}, noBus(busName(r.Destination))
	}
	if b.ARN != a.SourceARN {
		return Replay{}, invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
	}
	if _, err := e.Replay(ctx, r.Name); err == nil {
		return Replay{}, exists("Replay %s already exists.", r.Name)
	}
	defer e.o.Clock.Busy()()
	r.ARN, r.State, r.Started = e.arn("replay/"+r.Name), "RUNNING", e.o.Clock.Now()
	if err := e.saveReplay(ctx, r); err != nil {
		return Replay{}, err
	}
	if err := e.replay(ctx, &r, archiveName, b.Name); err != nil {
		return Replay{}, fmt.Errorf("replay %s: %w", r.Name, err)
	}
	r.State, r.Ended = "COMPLETED", e.o.Clock.Now()
	return r, e.saveReplay(ctx, r)
}

func (e *Engine) replay(ctx context.Context, r *Replay, archiveName, bus string) error {
	at, end := archiveKey(r.From, 0), archiveKey(r.To, 0)
	for {
		var batch []sent
		err := e.o.DB.View(ctx, func(tx *bbolt.Tx) error {
			b := tx.Bucket(archivedBucket).Bucket([]byte(archiveName))
			if b == nil {
				return nil
			}
			c := b.Cursor()
			for k, v := c.Seek(at); k != nil && bytes.Compare(k, end) < 0 && len(batch) < replayBatch; k, v = c.Next() {
				ev, err := parseEvent(v)
				if err != nil {
					return err
				}
				ev.ReplayName = r.Name
				batch = append(batch, sent{bus: bus, event: ev, only: r.Rules})
				at = append(bytes.Clone(k), 0)
			}
			return nil
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := e.accept(ctx, batch); err != nil {
			return err
		}
		r.Last = batch[len(batch)-1].event.Time
	}
}

// parseEvent reads what Event.text wrote.
func parseEvent(text []byte) (Event, error) {
	var ev struct {
		ID         string          `json:"id"`
		DetailType string          `json:"detail-type"`
		Source     string          `json:"source"`
		Account    string          `json:"account"`
		Region     string          `json:"region"`
		Time       time.Time       `json:"time"`
		Resources  []string        `json:"resources"`
		ReplayName string          `json:"replay-name"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(text, &ev); err != nil {
		return Event{}, fmt.Errorf("read an event: %w", err)
	}
	if ev.ID == "" || ev.Source == "" || ev.DetailType == "" {
		return Event{}, errors.New("read an event: id, source or detail-type is missing")
	}
	return Event{
		ID: ev.ID, DetailType: ev.DetailType, Source: ev.Source, Account: ev.Account, Region: ev.Region,
		Time: ev.Time, Resources: ev.Resources, Detail: ev.Detail, ReplayName: ev.ReplayName,
	}, nil
}

func (e *Engine) saveReplay(ctx context.Context, r Replay) error {
	data := mustJSON(r)
	err := e.o.DB.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(replayBucket).Put([]byte(r.Name), data) })
	if err != nil {
		return fmt.Errorf("store replay %s: %w", r.Name, err)
	}
	return nil
}

// Replay gives a replay by name; ResourceNotFoundException when there is none.
func (e *Engine) Replay(ctx context.Context, name string) (Replay, error) {
	all, err := e.Replays(ctx)
	if err != nil {
		return Replay{}, err
	}
	for i := range all {
		if all[i].Name == name {
			return all[i], nil
		}
	}
	return Replay{}, notFound("Replay %s does not exist.", name)
}

// Replays gives all replays, by name.
func (e *Engine) Replays(ctx context.Context) ([]Replay, error) {
	var all []Replay
	err := e.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(replayBucket).ForEach(func(_, v []byte) error {
			var r Replay
			if err := json.Unmarshal(v, &r); err != nil {
				return fmt.Errorf("read replay: %w", err)
			}
			all = append(all, r)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list replays: %w", err)
	}
	return all, nil
}
