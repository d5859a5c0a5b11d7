package store

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// LastAudit implements ops.AuditStore, consistently: whoever appends the next entry from it and loses the race gets a
// *ops.Conflict, for both would stand in the same place.
func (s *Store) LastAudit(ctx context.Context, target ops.Ref) (*ops.AuditEntry, error) {
	p, err := s.table.Query(ctx, table.Query{PK: auditPartition(target), Descending: true, Limit: 1, Consistent: true})
	if err != nil {
		return nil, fmt.Errorf("read the last audit entry of %s: %w", target, inWords(err))
	}
	if len(p.Items) == 0 {
		return nil, nil //nolint:nilnil // the contract: no entry is no error
	}
	return decode[ops.AuditEntry](p.Items[0])
}

// AuditTrail implements ops.AuditStore. A target's trail holds whole entries; the list of everything leaves before and
// after out.
func (s *Store) AuditTrail(ctx context.Context, f ops.AuditFilter) (ops.Page[*ops.AuditEntry], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	l := newest("audit", ops.KindAudit, f)
	if f.Target != (ops.Ref{}) {
		l = list{name: "audit trail", filter: f, partitions: []string{auditPartition(f.Target)}}
	}
	var keep func(*ops.AuditEntry) bool
	if f.Actor != "" {
		keep = func(e *ops.AuditEntry) bool { return e.Actor.ID == f.Actor }
	}
	return page(ctx, s, l, req, keep)
}
