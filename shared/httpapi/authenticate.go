package httpapi

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"opsflow/shared/ops"
)

type actorKey struct{}

// actorOf is who sent the request that ctx belongs to.
func actorOf(ctx context.Context) ops.Actor {
	actor, _ := ctx.Value(actorKey{}).(ops.Actor)
	return actor
}

// admit is the middleware that lets a request through when its token is good and its sender may do what it asks for.
func (a *api) admit(what action) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		actor, err := a.authenticate(r.Context(), r.Header.Get("Authorization"))
		if err == nil {
			err = authorize(actor, what)
		}
		if err != nil {
			p := a.problemOf(r.Context(), err)
			writeProblem(w, p)
			return
		}
		next(huma.WithValue(hc, actorKey{}, actor))
	}
}

func (a *api) authenticate(ctx context.Context, authorization string) (ops.Actor, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return ops.Actor{}, ops.Errorf(ops.CodeUnauthenticated, "an access token is needed: Authorization: Bearer <token>")
	}
	return a.Verifier.Verify(ctx, token)
}
