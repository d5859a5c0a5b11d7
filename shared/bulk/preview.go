package bulk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
)

// Preview is what an operation would do now. Nothing of it is stored: who wants exactly this selection starts the
// operation with the ids of its items.
type Preview struct {
	Action ops.BulkAction
	Counts ops.BulkCounts
	Items  []ops.BulkItem // in the order of the selection; done means that it would be
}

// previewers is how many items of a preview are looked at at once: nothing is written, and somebody waits.
const previewers = 16

// Preview tells what an operation would do, and changes nothing. CodeInvalid as for Start.
func (s *Service) Preview(ctx context.Context, r Request, by ops.Actor) (*Preview, error) {
	kind, run, err := find(r.Action, r.Params)
	if err != nil {
		return nil, err
	}
	ids, err := s.selected(ctx, kind, r)
	if err != nil {
		return nil, err
	}
	p := &Preview{Action: r.Action, Items: make([]ops.BulkItem, len(ids))}
	var g errgroup.Group
	g.SetLimit(previewers)
	for i, id := range ids {
		g.Go(func() error {
			note, err := s.safely(func() (string, error) { return run(ctx, s.WhatIf, id, by) })
			if errors.Is(err, ErrWouldSave) {
				err = nil
			}
			p.Items[i] = s.outcome(ctx, id, note, err)
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("preview %s: %w", r.Action, err)
	}
	for _, item := range p.Items {
		p.Counts.Add(item.Outcome, 1)
	}
	return p, nil
}

// maxReason is the longest reason that is kept of an item, in bytes: a chunk of items with the longest stays far below
// the size of a record.
const maxReason = 600

// outcome is what an item's error, nil for none, comes to.
func (s *Service) outcome(ctx context.Context, id, note string, err error) ops.BulkItem {
	item := ops.BulkItem{ID: id, Outcome: ops.BulkDone}
	if err == nil {
		item.Note = cut(note)
		return item
	}
	item.Outcome, item.Code, item.Reason = ops.BulkRefused, ops.ErrorCode(err), err.Error()
	switch item.Code { //nolint:exhaustive // all others say that it may not be done
	case ops.CodeInternal:
		s.Logger.ErrorContext(ctx, "an item of a bulk operation failed", "item", id, "error", err)
		item.Outcome, item.Reason = ops.BulkFailed, "something went wrong on our side; the logs say more"
	case ops.CodeThrottled, ops.CodeUnavailable, ops.CodeConflict:
		if item.Code == ops.CodeConflict && ops.AsConflict(err) == nil {
			break // it is claimed by somebody else
		}
		item.Outcome = ops.BulkFailed
	}
	item.Reason = cut(item.Reason)
	return item
}

func cut(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "..."
}

// safely makes a panic an error, so that one item's defect is not the chunk's.
func (s *Service) safely(run func() (string, error)) (note string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return run()
}
