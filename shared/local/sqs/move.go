package sqs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/uuid"
)

// moved is a move of dead letters back to where they came from, or elsewhere. It is over when it has been started.
type moved struct {
	SourceArn                        string
	DestinationArn                   string `json:",omitempty"`
	TaskHandle                       string `json:",omitempty"` // only of one that goes on
	Status                           string // COMPLETED or FAILED
	FailureReason                    string `json:",omitempty"`
	ApproximateNumberOfMessagesMoved int
	StartedTimestamp                 int64
}

// maxMoves is how many moves of a queue are remembered.
const maxMoves = 10

func startMove(ctx context.Context, q *Queues, in struct{ SourceArn, DestinationArn string }) (any, error) {
	sources, err := q.sourcesOf(ctx, in.SourceArn)
	switch {
	case err != nil:
		return nil, &Error{"ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."}
	case len(sources) == 0:
		return nil, invalid("Source queue must be configured as a Dead Letter Queue.")
	}
	id, err := uuid.New(q.o.Random)
	if err != nil {
		return nil, err
	}
	m := moved{SourceArn: in.SourceArn, DestinationArn: in.DestinationArn, Status: "COMPLETED", StartedTimestamp: q.o.Clock.Now().UnixMilli()}
	targets, err := q.move(ctx, &m)
	if err != nil {
		return nil, err
	}
	for _, target := range targets {
		q.Wake(target)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.moves == nil {
		q.moves = map[string][]moved{}
	}
	name := nameIn(in.SourceArn)
	q.moves[name] = append([]moved{m}, q.moves[name][:min(len(q.moves[name]), maxMoves-1)]...)
	handle, err := json.Marshal(map[string]string{"taskId": id, "sourceArn": in.SourceArn})
	return object{"TaskHandle": base64.StdEncoding.EncodeToString(handle)}, err
}

// move moves what can be received, as messages that are new where they go. It stops at one that can't go anywhere.
func (q *Queues) move(ctx context.Context, m *moved) (targets []string, err error) {
	err = q.update(ctx, m.SourceArn, func(tx *bbolt.Tx, from *opened) error {
		now := q.o.Clock.Now()
		targets, m.ApproximateNumberOfMessagesMoved = nil, 0
		l, err := from.look(now, from.messages.Stats().KeyN)
		if err != nil {
			return err
		}
		for _, letter := range append(l.ready, l.dead...) {
			target := letter.Source
			if m.DestinationArn != "" {
				target = m.DestinationArn
			}
			to, err := q.open(tx, target)
			if err != nil {
				m.Status, m.FailureReason = "FAILED", fmt.Sprintf("AWS.SimpleQueueService.NonExistentQueue: %s", target)
				return nil //nolint:nilerr // it is told with the move
			}
			if letter.ID, err = uuid.New(q.o.Random); err != nil {
				return err
			}
			letter.SentAt, letter.Visible = now.UnixMilli(), now.UnixMilli()
			letter.Received, letter.FirstAt, letter.Receipt, letter.Source = 0, 0, "", ""
			if err := from.messages.Delete(letter.key); err != nil {
				return err
			}
			if err := add(to.messages, &letter.message); err != nil {
				return err
			}
			m.ApproximateNumberOfMessagesMoved++
			if !slices.Contains(targets, target) {
				targets = append(targets, target)
			}
		}
		return nil
	})
	return targets, err
}

func listMoves(ctx context.Context, q *Queues, in struct {
	SourceArn  string
	MaxResults *int
},
) (any, error) {
	if _, err := q.sourcesOf(ctx, in.SourceArn); err != nil {
		return nil, &Error{"ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."}
	}
	most := 1
	if in.MaxResults != nil {
		if most = *in.MaxResults; most < 1 || most > maxMoves {
			return nil, invalid("Value %d for parameter MaxResults is invalid. Reason: MaxResults must be between 1 and %d.", most, maxMoves)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.moves[nameIn(in.SourceArn)]
	return object{"Results": slices.Clone(all[:min(len(all), most)])}, nil
}

func cancelMove(context.Context, *Queues, struct{ TaskHandle string }) (any, error) {
	return nil, &Error{"ResourceNotFoundException", "Task does not exist."}
}
