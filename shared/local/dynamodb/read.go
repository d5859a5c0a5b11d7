package dynamodb

import (
	"context"
	"regexp"

	"opsflow/shared/table"
)

// defaultLimit is the most items of an answer when the request names no number; DynamoDB would give 1 MB.
const defaultLimit = 1000

func (h *handler) getItem(ctx context.Context, r request) (any, error) {
	if err := r.onlyReads(); err != nil {
		return nil, err
	}
	key, err := r.Key.itemKey()
	if err != nil {
		return nil, err
	}
	item, found, err := h.table.Get(ctx, key)
	if err != nil || !found {
		return struct{}{}, err
	}
	return map[string]any{"Item": itemAttributes(item)}, nil
}

func (h *handler) batchGetItem(ctx context.Context, r request) (any, error) {
	if len(r.RequestItems) != 1 {
		return nil, invalid("RequestItems must name exactly one table")
	}
	items := []attributes{}
	var asked string
	for name, want := range r.RequestItems {
		if err := h.checkName(name); err != nil {
			return nil, err
		}
		asked = name
		keys := make([]table.Key, 0, len(want.Keys))
		for _, a := range want.Keys {
			key, err := a.itemKey()
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
		found, err := h.table.BatchGet(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, item := range found {
			items = append(items, itemAttributes(item))
		}
	}
	return map[string]any{"Responses": map[string]any{asked: items}, "UnprocessedKeys": struct{}{}}, nil
}

// keyCondition is what a query may ask for, in the driver's words (package expr) or a developer's.
var keyCondition = regexp.MustCompile(`(?i)^\s*(\S+)\s*=\s*(:\w+)(?:\s+and\s+(?:` +
	`(\S+)\s+between\s+(:\w+)\s+and\s+(:\w+)|` +
	`(\S+)\s*(>=|<=|=)\s*(:\w+)|` +
	`begins_with\s*\(\s*(\S+)\s*,\s*(:\w+)\s*\)))?\s*$`)

func (h *handler) query(ctx context.Context, r request) (any, error) {
	q, err := r.tableQuery()
	if err != nil {
		return nil, err
	}
	page, err := h.table.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	items := make([]attributes, 0, len(page.Items))
	for _, item := range page.Items {
		items = append(items, itemAttributes(item))
	}
	answer := map[string]any{"Items": items, "Count": len(items), "ScannedCount": len(items)}
	if page.Next != nil {
		last := keyAttributes(page.Next.Key)
		if q.Index != "" {
			last[q.Index+"_pk"], last[q.Index+"_sk"] = stringValue(page.Next.Index.PK), stringValue(page.Next.Index.SK)
		}
		answer["LastEvaluatedKey"] = last
	}
	return answer, nil
}

func (r request) tableQuery() (table.Query, error) {
	q := table.Query{
		Index: r.IndexName, Consistent: r.ConsistentRead, Limit: min(r.Limit, defaultLimit),
		Descending: r.ScanIndexForward != nil && !*r.ScanIndexForward,
	}
	if r.Limit == 0 {
		q.Limit = defaultLimit
	}
	if err := r.onlyReads(); err != nil {
		return q, err
	}
	m := keyCondition.FindStringSubmatch(r.KeyConditionExpression)
	if m == nil {
		return q, unsupported("the key condition %q", r.KeyConditionExpression)
	}
	pk, sk := "pk", "sk"
	if q.Index != "" {
		pk, sk = q.Index+"_pk", q.Index+"_sk"
	}
	if sorted := m[3] + m[6] + m[9]; r.name(m[1]) != pk || (sorted != "" && r.name(sorted) != sk) {
		return q, invalid("the key condition %q must be on %s and %s", r.KeyConditionExpression, pk, sk)
	}
	bounds := map[*string]string{&q.PK: m[2], &q.From: m[4], &q.To: m[5], &q.Prefix: m[10]}
	switch m[7] {
	case ">=":
		bounds[&q.From] = m[8]
	case "<=":
		bounds[&q.To] = m[8]
	case "=":
		bounds[&q.From], bounds[&q.To] = m[8], m[8]
	}
	for target, value := range bounds {
		if value == "" {
			continue
		}
		var err error
		if *target, err = r.ExpressionAttributeValues.text(value); err != nil {
			return q, err
		}
	}
	return q, r.startAfter(&q, pk, sk)
}

func (r request) startAfter(q *table.Query, pk, sk string) error {
	if len(r.ExclusiveStartKey) == 0 {
		return nil
	}
	var err error
	q.After = &table.Place{}
	if q.After.Key, err = r.ExclusiveStartKey.key("pk", "sk"); err != nil {
		return err
	}
	if q.Index != "" {
		q.After.Index, err = r.ExclusiveStartKey.key(pk, sk)
	}
	return err
}

// name gives the attribute that an expression means, by itself or through #placeholder.
func (c change) name(in string) string {
	if full, ok := c.ExpressionAttributeNames[in]; ok {
		return full
	}
	return in
}

func (r request) onlyReads() error {
	if r.ConditionExpression != "" || r.UpdateExpression != "" {
		return invalid("a condition or an update is no part of a read")
	}
	return nil
}
