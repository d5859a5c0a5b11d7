package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

func (a *api) auditRoutes() {
	handle(a, route{
		id: "list-audit", method: http.MethodGet, path: "/v1/audit", action: readAudit,
		summary: "List what people changed: of one target from the first on, else everything, newest first",
	}, a.listAudit)
}

type auditQuery struct {
	PageQuery
	Actor  string `query:"actor" maxLength:"128" doc:"The id of who made the changes."`
	Target string `query:"target" maxLength:"300" doc:"The record that was changed, as kind/id." example:"alert/alr-1"`
}

type trailOutput struct{ Body trail }

// trail is a page of audit entries.
type trail struct {
	Items      []*ops.AuditEntry `json:"items" nullable:"false"`
	NextCursor *string           `json:"next_cursor" doc:"null on the last page."`
	Count      ops.Count         `json:"count"`
	Chain      *chain            `json:"chain,omitempty" doc:"Of a single target: whether all of its entries are as they were written."`
}

// chain tells whether a target's entries verify.
type chain struct {
	Verified bool   `json:"verified"`
	Fault    string `json:"fault,omitempty" doc:"The first entry that was altered or is missing."`
}

func (a *api) listAudit(ctx context.Context, q *auditQuery) (*trailOutput, error) {
	target, bad := targetQuery(q.Target)
	if err := invalid(bad); err != nil {
		return nil, err
	}
	page, err := a.Store.AuditTrail(ctx, ops.AuditFilter{Target: target, Actor: q.Actor, PageRequest: q.request()})
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", err)
	}
	l := listOf(page, same[*ops.AuditEntry]).Body
	out := &trailOutput{Body: trail{Items: l.Items, NextCursor: l.NextCursor, Count: l.Count}}
	if q.Target != "" {
		if out.Body.Chain, err = a.verify(ctx, target); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *api) verify(ctx context.Context, target ops.Ref) (*chain, error) {
	all, err := audit.Trail(ctx, a.Store, target)
	if err != nil {
		return nil, err
	}
	c := &chain{Verified: true}
	if fault := ops.VerifyTrail(all); fault != nil {
		c.Verified, c.Fault = false, fault.Error()
	}
	return c, nil
}

// workflowKind is what the API calls instances.
const workflowKind = "workflow"

// targetQuery reads the parameter target=kind/id; empty: the zero Ref. Which kinds have entries is not the API's to know:
// one that has none has an empty trail.
func targetQuery(text string) (ops.Ref, *ops.Fault) {
	if text == "" {
		return ops.Ref{}, nil
	}
	kind, id, _ := strings.Cut(text, "/")
	switch kind {
	case workflowKind:
		kind = string(ops.KindInstance)
	case ops.SubjectBooking, ops.SubjectPayment:
		kind, id = string(ops.KindSubject), text
	}
	if id == "" || !ops.ValidID(kind) {
		return ops.Ref{}, &ops.Fault{Path: "query.target", Expected: "kind/id, like alert/alr-1 or rule/quality-check", Got: ops.Shown(text)}
	}
	return ops.Ref{Kind: ops.Kind(kind), ID: id}, nil
}
