package ops

import (
	"context"
	"time"
)

// KeyedRequest is a request that was sent under an Idempotency-Key, for as long as it may be sent again: who sent what
// under which key, whether it was done, and what it was answered with.
//
// A Save that writes an audit entry while its context carries a request (WithRequest) writes the request too, with Done set:
// what a person changed and the note that it was changed are one write. So after a crash the record tells whether anything
// happened, and a request that was taken over from a sender who still ran can no longer change anything.
type KeyedRequest struct {
	Meta
	ID        string `json:"id"`
	Actor     string `json:"actor"`
	Route     string `json:"route"`      // "POST /v1/alerts"
	BodyHash  string `json:"body_hash"`  // of its canonical text
	RequestID string `json:"request_id"` // of the sender who is at it, or was last
	// Until is how long that sender has. Zero: it has been answered.
	Until time.Time `json:"until,omitzero"`
	// Done is the record that the request changed or made.
	Done Ref `json:"done,omitzero"`
	// Answer is what it was answered with, as the API keeps it; empty: not yet, or longer than what is kept.
	Answer string `json:"answer,omitempty"`
}

// Ref names the record.
func (r *KeyedRequest) Ref() Ref { return Ref{KindRequest, r.ID} }

// KeyedRequestStore keeps them.
type KeyedRequestStore interface {
	// KeyedRequest reads one. CodeNotFound.
	KeyedRequest(ctx context.Context, id string) (*KeyedRequest, error)
}

type requestKey struct{}

// WithRequest gives a context under which the first Save with an audit entry is that of r; nil: of no request. Saves under
// it must not run at the same time.
func WithRequest(ctx context.Context, r *KeyedRequest) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf is the request that ctx carries; nil for none.
func RequestOf(ctx context.Context) *KeyedRequest {
	r, _ := ctx.Value(requestKey{}).(*KeyedRequest)
	return r
}
