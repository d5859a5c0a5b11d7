package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"opsflow/shared/local/boundary"
	"opsflow/shared/local/clock"
)

// maxBody is the largest request that any service takes, in bytes.
const maxBody = 16 << 20

// Handler puts the faults before an HTTP endpoint of AWS services. A client that is to hear nothing finds its connection
// closed, so that its SDK tries again. call tells what a request asks for.
func (s *Set) Handler(next http.Handler, call func(*http.Request) boundary.Call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Active() {
			next.ServeHTTP(w, r)
			return
		}
		c := call(r)
		if c.Service == "" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		var answer *boundary.Answer
		err = s.Do(r.Context(), c, clock.Visitor{Clock: s.clock}, func(ctx context.Context) error {
			again := r.Clone(ctx)
			again.Body = io.NopCloser(bytes.NewReader(body))
			a := boundary.NewAnswer()
			next.ServeHTTP(a, again)
			if answer == nil {
				answer = a // a duplicate's is dropped
			}
			return nil
		})
		if refused, ok := errors.AsType[*boundary.Error](err); ok {
			boundary.Refuse(w, r, refused)
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // closes the connection
		}
		answer.To(w)
	})
}
