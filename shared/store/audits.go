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
func (s *Store) AuditTrail(
	ctx context.Context, target ops.Ref, p ops.PageRequest,
) (ops.Page[*ops.AuditEntry], error) {
	l := newest("audit", ops.KindAudit, target)
	if target != (ops.Ref{}) {
		l = list{name: "audit trail", filter: target, partitions: []string{auditPartition(target)}}
	}
	return page[ops.AuditEntry](ctx, s, l, p, nil)
}
