// Package idempotency lets a request that is sent again under its Idempotency-Key do nothing twice and be answered as it was.
//
// A request is claimed before anything is done: of two at once one goes on, and the other is told so. What it changes is
// noted on its record in the same Save (ops.KeyedRequest), and its answer is kept afterwards. So whenever its sender dies,
// whoever sends it again finds out by looking: nothing was done, then it is done now; or it was done and the answer was
// lost, then the record that it changed is the answer. What changes nothing of ours, but sends something, is done again
// after a crash, under the identity that it had: its receivers drop repeats.
//
// A refusal is not kept. It has changed nothing, so that the same key is good for the corrected request.
package idempotency

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

const (
	// MaxKey is the longest key, in characters.
	MaxKey = 255
	// Kept is how long a key stands for its request.
	Kept = 24 * time.Hour
	// MaxAnswer is the longest answer that is kept, in bytes; in the place of a longer one stands what the request changed.
	MaxAnswer = 64 << 10

	// lease is how long whoever is at a request has. The API's function ends after 29 s.
	lease = 30 * time.Second
	// claimTries is how often a claim is tried again because somebody else claimed, answered or gave up meanwhile.
	claimTries = 5
)

// Store is what a Keeper needs of the store.
type Store interface {
	ops.Saver
	ops.KeyedRequestStore
}

// Keeper keeps requests and their answers. It is safe for concurrent use.
type Keeper struct {
	Store  Store
	Clock  ops.Clock
	Logger *slog.Logger
}

// Request is one that has a key.
type Request struct {
	Actor string // keys are everybody's own
	Route string // what is asked for, with the record's id: "POST /v1/alerts/alr-1/close"
	Key   string
	Body  []byte // JSON; the order of its members and the spelling of its numbers don't matter
}

// Result is what became of a request.
type Result struct {
	// Before says that an earlier sending of it did it.
	Before bool
	// Answer is what run gave then; empty when it is not known.
	Answer string
	// Done is, when the answer is not known, the record that the request changed.
	Done ops.Ref
}

// Do has run carry out a request, unless it was done before. run gives the answer to keep, and whether the request was
// accepted; what it changes it must save under the context that it gets. CodeInvalid when the key was sent with another body;
// CodeInProgress while somebody else is at the request.
func (k *Keeper) Do(ctx context.Context, r Request, run func(context.Context) (answer string, accepted bool)) (Result, error) {
	claim, before, err := k.claim(ctx, r)
	if err != nil {
		return Result{}, err
	}
	if before {
		return Result{Before: true, Answer: claim.Answer, Done: claim.Done}, nil
	}
	var answer string
	accepted := false
	defer func() { k.finish(context.WithoutCancel(ctx), claim, answer, accepted) }() // also when run panics
	answer, accepted = run(ops.WithRequest(ctx, claim))
	return Result{}, nil
}

// claim makes the request ours, or tells that it was done before.
func (k *Keeper) claim(ctx context.Context, r Request) (claim *ops.KeyedRequest, before bool, err error) {
	body, err := ops.Canonical(bytes.TrimSpace(r.Body))
	if err != nil {
		return nil, false, ops.Errorf(ops.CodeInvalid, "the body is not JSON: %w", err)
	}
	hash := ops.HashID("", string(body))
	for range claimTries {
		now := k.Clock.Now()
		claim = &ops.KeyedRequest{
			Meta: ops.Meta{CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(Kept)},
			ID:   ops.HashID("req-", r.Actor, r.Route, r.Key), Actor: r.Actor, Route: r.Route, BodyHash: hash,
			RequestID: audit.RequestID(ctx), Until: now.Add(lease),
		}
		err = k.Store.Save(ctx, claim)
		if ops.AsConflict(err) != nil {
			claim, before, err = k.known(ctx, r.Key, claim)
		}
		switch {
		case ops.AsConflict(err) != nil, ops.ErrorCode(err) == ops.CodeNotFound:
			// Somebody else took it over, answered it or gave it up at this moment.
		case err != nil:
			return nil, false, fmt.Errorf("claim the request of the Idempotency-Key: %w", err)
		default:
			return claim, before, nil
		}
	}
	return nil, false, inProgress()
}

// known gives the record that stands in the place of a claim: as done before, or as ours when whoever had it has died.
func (k *Keeper) known(ctx context.Context, key string, claim *ops.KeyedRequest) (_ *ops.KeyedRequest, before bool, err error) {
	there, err := k.Store.KeyedRequest(ctx, claim.ID)
	switch {
	case err != nil:
		return nil, false, err
	case there.BodyHash != claim.BodyHash:
		return nil, false, ops.Invalid("request", []ops.Fault{{
			Path: "header.Idempotency-Key", Expected: "new for each request: this one was sent with another body", Got: strconv.Quote(key),
		}})
	case there.Until.After(claim.UpdatedAt):
		return nil, false, inProgress()
	case there.Answer != "" || there.Done != (ops.Ref{}):
		return there, true, nil
	}
	there.Until, there.UpdatedAt, there.RequestID = claim.Until, claim.UpdatedAt, claim.RequestID
	return there, false, k.Store.Save(ctx, there)
}

func inProgress() error {
	return ops.Errorf(ops.CodeInProgress, "the same request is being carried out; send it again in a moment for its answer")
}

// finish keeps the answer, or gives the key up again when nothing was done under it. The request is over either way: what
// can't be written here is found out by whoever sends it again.
func (k *Keeper) finish(ctx context.Context, claim *ops.KeyedRequest, answer string, accepted bool) {
	if !accepted || len(answer) > MaxAnswer {
		answer = ""
	}
	var err error
	if answer == "" && claim.Done == (ops.Ref{}) {
		err = k.Store.Delete(ctx, claim)
	} else {
		claim.Answer, claim.Until, claim.UpdatedAt = answer, time.Time{}, k.Clock.Now()
		err = k.Store.Save(ctx, claim)
	}
	if err != nil && ops.AsConflict(err) == nil { // on a conflict somebody else has it
		k.Logger.WarnContext(ctx, "the answer of a request was not kept", "request_id", claim.RequestID, "route", claim.Route, "error", err)
	}
}
