package backtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const (
	// maxLines is how many lines a result keeps.
	maxLines = 1_000_000
	// pageText is from how many bytes of lines on a page is full: far below what an answer of a function may have.
	pageText = 3 << 20
	// pageBytes is the same of a page as it is kept: as base64, with the lines that the compressor still holds, it fits a record.
	pageBytes = 200 << 10
	// lookEvery is after how many lines the compressor is made to show how much it has.
	lookEvery = 250
)

// writer writes the pages of a backtest.
type writer struct {
	store    Store
	clock    ops.Clock
	backtest *ops.Backtest

	data  bytes.Buffer
	zip   *gzip.Writer
	lines int
	text  int // bytes of lines
}

// add writes one line.
func (w *writer) add(ctx context.Context, e rule.BacktestEvent) error {
	if w.backtest.Lines == maxLines {
		w.backtest.Cut = true
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write event %s: %w", e.EventID, err)
	}
	if w.zip == nil {
		w.zip = gzip.NewWriter(&w.data)
	}
	if _, err := w.zip.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("compress event %s: %w", e.EventID, err)
	}
	w.lines++
	w.text += len(line) + 1
	w.backtest.Lines++
	if w.lines%lookEvery == 0 {
		if err := w.zip.Flush(); err != nil {
			return fmt.Errorf("compress event %s: %w", e.EventID, err)
		}
	}
	if w.text >= pageText || w.data.Len() >= pageBytes {
		return w.flush(ctx)
	}
	return nil
}

// flush stores the lines that are not in a page yet. A page that an earlier run wrote is written over.
func (w *writer) flush(ctx context.Context) error {
	if w.lines == 0 {
		return nil
	}
	if err := w.zip.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	b := w.backtest
	page := &ops.BacktestPage{BacktestID: b.ID, Number: b.Pages, Lines: w.lines, Data: bytes.Clone(w.data.Bytes())}
	page.CreatedAt, page.ExpiresAt = w.clock.Now(), b.ExpiresAt
	if before, err := w.store.BacktestPage(ctx, b.ID, page.Number); err == nil {
		page.V = before.V
	} else if ops.ErrorCode(err) != ops.CodeNotFound {
		return fmt.Errorf("read page %d of backtest %s: %w", page.Number, b.ID, err)
	}
	err := w.store.Save(ctx, page)
	if ops.AsConflict(err) != nil {
		return errOvertaken
	}
	if err != nil {
		return fmt.Errorf("store page %d of backtest %s: %w", page.Number, b.ID, err)
	}
	b.Pages++
	w.data.Reset()
	w.zip, w.lines, w.text = nil, 0, 0
	return nil
}

// Page gives a page of a backtest's result, as lines of JSON. CodeNotFound when it has no such page, or not yet.
func (s *Service) Page(ctx context.Context, id string, number int) ([]byte, error) {
	p, err := s.Store.BacktestPage(ctx, id, number)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(p.Data))
	if err != nil {
		return nil, fmt.Errorf("read page %d of backtest %s: %w", number, id, err)
	}
	lines, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read page %d of backtest %s: %w", number, id, err)
	}
	return lines, nil
}
