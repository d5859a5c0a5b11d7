package states

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"opsflow/shared/local/states/value"
)

// Concurrency of a Map state that does not limit it.
const (
	inlineConcurrency      = 40
	distributedConcurrency = 1000
)

func (x *execution) startMap(t *thread, s *state, sc *scope) error {
	m := s.mapping
	if m.reader || m.writer {
		return newFailure(errItemReader, "ItemReader and ResultWriter use Amazon S3, which is not available here")
	}
	items := sc.input
	if m.itemsPath != nil {
		var err error
		if items, err = m.itemsPath.lookup(sc); err != nil {
			return err
		}
	}
	list, ok := items.([]any)
	if !ok {
		path := "$"
		if m.itemsPath != nil {
			path = m.itemsPath.text
		}
		return runtimeFailure("Reference path \"%s\" must point to array.", path)
	}
	concurrency := m.concurrency
	if m.concurrencyPath != nil {
		n, err := wholeAt(m.concurrencyPath, "MaxConcurrencyPath", sc)
		if err != nil {
			return err
		}
		if n < 0 {
			return runtimeFailure("MaxConcurrency cannot be negative.")
		}
		concurrency = n
	}
	limit := int64(inlineConcurrency)
	if m.distributed {
		limit = distributedConcurrency
	}
	if concurrency > 0 {
		limit = min(limit, concurrency)
	}
	x.event(t, "MapStateStarted", map[string]any{"length": len(list)})
	t.Join = &join{Limit: int(limit)}
	if m.distributed {
		if err := x.startMapRun(t, s, sc, &list); err != nil {
			return err
		}
	}
	t.Join.Items, t.Join.Total = value.JSON{V: list}, len(list)
	t.Phase = phaseJoin
	x.touch(t)
	if len(list) == 0 {
		x.joined(t, s)
		return nil
	}
	x.startThreads(t, s)
	return nil
}

func (x *execution) startMapRun(t *thread, s *state, sc *scope, list *[]any) error {
	m := s.mapping
	percentage, count := 0.0, int64(0)
	var err error
	switch {
	case m.tolerate.percentagePath != nil:
		if percentage, err = decimalAt(m.tolerate.percentagePath, "ToleratedFailurePercentagePath", sc); err != nil {
			return err
		}
	case m.tolerate.percentage != "":
		if percentage, err = strconv.ParseFloat(m.tolerate.percentage, 64); err != nil {
			return err
		}
	}
	if percentage < 0 || percentage > 100 {
		return runtimeFailure("ToleratedFailurePercentage must be between 0 and 100.")
	}
	switch {
	case m.tolerate.countPath != nil:
		if count, err = wholeAt(m.tolerate.countPath, "ToleratedFailureCountPath", sc); err != nil {
			return err
		}
	case m.tolerate.count != "":
		if count, err = strconv.ParseInt(m.tolerate.count, 10, 64); err != nil {
			return err
		}
	}
	if count < 0 {
		return runtimeFailure("ToleratedFailureCount cannot be negative.")
	}
	if m.batch != nil {
		if *list, err = x.batches(t, s, sc, *list); err != nil {
			return err
		}
	}
	t.Join.Tolerated = m.tolerate.failures(count, percentage, len(*list))
	id, err := newUUID(x.e.random)
	if err != nil {
		return err
	}
	label := m.label
	if label == "" {
		label = s.name
	}
	t.Join.MapRun = fmt.Sprintf("arn:aws:states:%s:%s:mapRun:%s/%s:%s", x.e.region, x.e.account, x.rec.Machine, label, id)
	x.event(t, "MapRunStarted", map[string]any{"mapRunArn": t.Join.MapRun})
	return nil
}

// failures is how many of a map run's children may fail. Of two thresholds the first to be exceeded ends the run; one that
// is not given does not count, and without any no child may fail.
func (t *tolerance) failures(count int64, percentage float64, children int) int {
	byShare := int64(math.Floor(percentage / 100 * float64(children)))
	hasCount := t.count != "" || t.countPath != nil
	hasShare := t.percentage != "" || t.percentagePath != nil
	switch {
	case hasCount && hasShare:
		count = min(count, byShare)
	case hasShare:
		count = byShare
	}
	return int(min(count, math.MaxInt32))
}

// batches groups the selected items as ItemBatcher asks.
func (x *execution) batches(t *thread, s *state, sc *scope, list []any) ([]any, error) {
	b := s.mapping.batch
	most, size := b.items, b.bytes
	var err error
	if b.itemsPath != nil {
		if most, err = wholeAt(b.itemsPath, "MaxItemsPerBatchPath", sc); err != nil {
			return nil, err
		}
	}
	if b.bytesPath != nil {
		if size, err = wholeAt(b.bytesPath, "MaxInputBytesPerBatchPath", sc); err != nil {
			return nil, err
		}
	}
	if size <= 0 || size > maxPayload {
		size = maxPayload
	}
	var shared any
	if b.input != nil {
		if shared, err = b.input.eval(sc); err != nil {
			return nil, err
		}
	}
	var out, batch []any
	bytes := int64(0)
	flush := func() {
		if len(batch) > 0 {
			o := value.NewObject(2)
			if b.input != nil {
				o.Set("BatchInput", shared)
			}
			o.Set("Items", batch)
			out = append(out, o)
		}
		batch, bytes = nil, 0
	}
	for i, item := range list {
		if s.mapping.selector != nil {
			if item, err = x.selectItem(t, s, i, item); err != nil {
				return nil, err
			}
		}
		n := int64(value.Size(item)) + 1
		if most > 0 && int64(len(batch)) >= most || bytes+n > size {
			flush()
		}
		batch, bytes = append(batch, item), bytes+n
	}
	flush()
	if out == nil {
		out = []any{}
	}
	return out, nil
}

func wholeAt(r *reference, field string, sc *scope) (int64, error) {
	v, err := r.lookup(sc)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(scalarText(v), 10, 64)
	if err != nil {
		return 0, runtimeFailure("The %s field refers to value \"%s\" which is not a valid integer: %s", field, plainText(v), r.text)
	}
	return n, nil
}

func decimalAt(r *reference, field string, sc *scope) (float64, error) {
	v, err := r.lookup(sc)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(scalarText(v), 64)
	if err != nil {
		return 0, runtimeFailure("The %s field refers to value \"%s\" which is not a valid float: %s", field, plainText(v), r.text)
	}
	return n, nil
}

// scalarText is a number, or a string that may hold one; anything else is empty.
func scalarText(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		return v
	default:
		return ""
	}
}
