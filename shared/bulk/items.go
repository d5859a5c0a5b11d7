package bulk

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
)

// Items gives at most limit items of an operation from a place on, in the order of the selection, those with an outcome
// ("": all), and the place behind the last of them, which is the operation's Total when there are no more.
func (s *Service) Items(
	ctx context.Context, b *ops.Bulk, outcome ops.BulkOutcome, from, limit int,
) (items []ops.BulkItem, next int, err error) {
	items = []ops.BulkItem{}
	for n := from / ops.BulkChunkItems; n < b.Parts(); n++ {
		c, err := s.Store.BulkChunk(ctx, b.ID, n)
		if err != nil {
			return nil, 0, fmt.Errorf("read chunk %d of bulk operation %s: %w", n, b.ID, err)
		}
		first := n * ops.BulkChunkItems
		for i := max(from-first, 0); i < len(c.Items); i++ {
			if outcome != "" && c.Items[i].Outcome != outcome {
				continue
			}
			if len(items) == limit {
				return items, first + i, nil
			}
			items = append(items, c.Items[i])
		}
	}
	return items, b.Total, nil
}
