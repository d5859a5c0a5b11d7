package states

import (
	"encoding/json"
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
	list, err := x.mapItems(m, sc)
	if err != nil {
		return err
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
	x.event(t, "MapStateStarted", map[string]any{"length": len(list)})
	if m.distributed {
		return x.distribute(t, s, sc, list, concurrency)
	}
	limit := int64(inlineConcurrency)
	if concurrency > 0 {
		limit = min(limit, concurrency)
	}
	t.Join = &join{Limit: int(limit), Items: value.JSON{V: list}, Total: len(list)}
	t.Phase = phaseJoin
	x.touch(t)
	if len(list) == 0 {
		x.joined(t, s)
		return nil
	}
	x.startThreads(t, s)
	return nil
}

// mapItems are what a Map state works on.
func (x *execution) mapItems(m *mapping, sc *scope) ([]any, error) {
	if m.reader != nil {
		return x.readItems(m.reader, sc)
	}
	items, path := sc.input, "$"
	if m.itemsPath != nil {
		path = m.itemsPath.text
		var err error
		if items, err = m.itemsPath.lookup(sc); err != nil {
			return nil, err
		}
	}
	list, ok := items.([]any)
	if !ok {
		return nil, runtimeFailure("Reference path \"%s\" must point to array.", path)
	}
	return list, nil
}

// distribute gives the items to children of their own, one each or in batches.
func (x *execution) distribute(t *thread, s *state, sc *scope, list []any, concurrency int64) error {
	m := s.mapping
	run := mapRun{Concurrency: concurrency, Tolerated: tolerated{m.tolerate.count, m.tolerate.percentage}}
	if m.tolerate.percentagePath != nil {
		share, err := decimalAt(m.tolerate.percentagePath, "ToleratedFailurePercentagePath", sc)
		if err != nil {
			return err
		}
		if share < 0 || share > 100 {
			return runtimeFailure("ToleratedFailurePercentage must be between 0 and 100.")
		}
		run.Tolerated.Percentage = &share
	}
	if m.tolerate.countPath != nil {
		count, err := wholeAt(m.tolerate.countPath, "ToleratedFailureCountPath", sc)
		if err != nil {
			return err
		}
		if count < 0 {
			return runtimeFailure("ToleratedFailureCount cannot be negative.")
		}
		run.Tolerated.Count = &count
	}
	if m.writer != nil && m.writer.exports {
		to, err := evaluated(m.writer.parameters, sc)
		if err != nil {
			return err
		}
		run.Writer = string(value.Text(to))
	}
	list, err := x.selectAll(t, s, list)
	if err != nil {
		return err
	}
	in := inputs{}
	if m.batch == nil {
		for _, item := range list {
			in.Values, in.Items = append(in.Values, value.JSON{V: item}), append(in.Items, 1)
		}
		return x.startMapRun(t, s, run, in)
	}
	if in, err = m.batch.group(sc, list); err != nil {
		return err
	}
	return x.startMapRun(t, s, run, in)
}

// selectAll applies ItemSelector to items.
func (x *execution) selectAll(t *thread, s *state, list []any) ([]any, error) {
	if s.mapping.selector == nil {
		return list, nil
	}
	selected := make([]any, len(list))
	for i, item := range list {
		var err error
		if selected[i], err = x.selectItem(t, s, i, item); err != nil {
			return nil, err
		}
	}
	return selected, nil
}

// group makes batches of items.
func (b *batching) group(sc *scope, list []any) (inputs, error) {
	var in inputs
	most, size := b.items, b.bytes
	var err error
	if b.itemsPath != nil {
		if most, err = wholeAt(b.itemsPath, "MaxItemsPerBatchPath", sc); err != nil {
			return in, err
		}
	}
	if b.bytesPath != nil {
		if size, err = wholeAt(b.bytesPath, "MaxInputBytesPerBatchPath", sc); err != nil {
			return in, err
		}
	}
	if size <= 0 || size > maxPayload {
		size = maxPayload
	}
	var shared any
	if b.input != nil {
		if shared, err = b.input.eval(sc); err != nil {
			return in, err
		}
	}
	var batch []any
	bytes := int64(0)
	flush := func() {
		if len(batch) > 0 {
			o := value.NewObject(2)
			if b.input != nil {
				o.Set("BatchInput", shared)
			}
			o.Set("Items", batch)
			in.Values, in.Items = append(in.Values, value.JSON{V: o}), append(in.Items, len(batch))
		}
		batch, bytes = nil, 0
	}
	for _, item := range list {
		n := int64(value.Size(item)) + 1
		if most > 0 && int64(len(batch)) >= most || bytes+n > size {
			flush()
		}
		batch, bytes = append(batch, item), bytes+n
	}
	flush()
	return in, nil
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
