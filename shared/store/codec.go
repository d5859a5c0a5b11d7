package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"opsflow/shared/ops"
	"opsflow/shared/table"
	"opsflow/shared/table/jsonscan"
)

const (
	summaryField = "summary"
	counterField = "value"
)

// record is a pointer to a domain type that embeds ops.Meta.
type record[T any] interface {
	*T
	ops.Record
}

// encode makes a record's item. Its data are the record's JSON without what the item itself says: the version that Save
// counts and the expiry. Rules and templates have a version of their own, which stays. The fields that lists show are together
// in one, the summary, and only there: each byte is paid for at every write.
func encode(r ops.Record) (table.Item, error) {
	whole, err := json.Marshal(r)
	if err != nil {
		return table.Item{}, fmt.Errorf("write as JSON: %w", err)
	}
	item := table.Item{Key: keyOf(r), ExpiresAt: r.RecordMeta().ExpiresAt, Index: placesOf(r)}
	counted := true
	switch r.(type) {
	case *ops.Rule, *ops.Template:
		counted = false
	}
	shown := shownInLists(r.Ref().Kind)
	data, summary := []byte{'{'}, []byte{'{'}
	for name, value := range jsonscan.Fields(whole) {
		if name == "expires_at" || (name == "version" && counted) {
			continue
		}
		if slices.Contains(shown, name) {
			summary = appendField(summary, name, value)
		} else {
			data = appendField(data, name, value)
		}
	}
	if len(shown) > 0 {
		data = appendField(data, summaryField, append(summary, '}'))
	}
	data = append(data, '}')
	item.Data = data
	return item, nil
}

func appendField(object []byte, name string, value []byte) []byte {
	if len(object) > 1 {
		object = append(object, ',')
	}
	object = append(jsonscan.AppendString(object, name), ':')
	return append(object, value...)
}

// decode reads a record from an item of the table itself.
func decode[T any, P record[T]](item table.Item) (P, error) {
	return decodeParts[T, P](item, item.Data, summaryOf(item))
}

// decodeSummary reads what an index holds of a record.
func decodeSummary[T any, P record[T]](item table.Item) (P, error) {
	return decodeParts[T, P](item, summaryOf(item))
}

// summaryOf finds the summary in an item's data; nil when it has none.
func summaryOf(item table.Item) []byte {
	for name, value := range jsonscan.Fields(item.Data) {
		if name == summaryField {
			return value
		}
	}
	return nil
}

func decodeParts[T any, P record[T]](item table.Item, parts ...[]byte) (P, error) {
	r := P(new(T))
	for _, part := range parts {
		if part == nil {
			continue
		}
		if err := json.Unmarshal(part, r); err != nil {
			return nil, fmt.Errorf("read %s: %w", item.Key, err)
		}
	}
	m := r.RecordMeta()
	m.V, m.ExpiresAt = item.V, item.ExpiresAt
	return r, nil
}

// shownInLists names the fields of a kind that lists show. None: the kind is in no list.
func shownInLists(kind ops.Kind) []string {
	switch kind { //nolint:exhaustive // the other kinds are in no list
	case ops.KindInstance:
		return []string{
			"id", "template", "template_version", "type", "name", "team", "priority", "status", "attempt", "current_step",
			"progress", "error", "subject", "assigned_to", "triggered_by", "started_at", "ended_at", "due_at",
			"waiting_for", "overdue_at", "eta", "eta_p90", "paused_at", "asked", "place", "created_at", "updated_at",
		}
	case ops.KindTask:
		return []string{
			"id", "instance", "step", "loop", "kind", "title", "outcomes", "team", "assignee", "candidates", "quorum",
			"reject_quorum", "subject", "started_by", "priority", "due_at", "lapses_at", "on_expire", "escalated", "status", "outcome", "decided_by", "decided_at",
			"created_at", "updated_at",
		}
	case ops.KindAlert:
		return []string{
			"id", "type", "severity", "status", "title", "subject", "instance", "team", "cause_key", "count", "last_seen_at",
			"opened", "ladder", "ladder_position", "acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at", "resolution",
			"created_at", "updated_at",
		}
	case ops.KindEvent:
		return []string{
			"id", "type", "source", "time", "status", "identity", "subject", "faults", "delivered", "cause",
			"created_at", "updated_at",
		}
	case ops.KindNotification:
		return []string{
			"id", "template", "to", "subject", "status", "deliveries", "title", "sent_at", "tries", "error", "cause",
			"created_at", "updated_at",
		}
	case ops.KindVendor:
		return []string{
			"id", "name", "email", "phone", "active", "verified", "categories", "areas", "skills", "lat", "lng",
			"daily_capacity", "price_level", "rating", "ratings", "response_minutes", "auto_accept", "created_at", "updated_at",
		}
	case ops.KindMetric:
		return []string{
			"id", "vendor_id", "type", "value", "max_value", "calculation_method", "data_points", "confidence", "level",
			"period_start", "period_end", "created_at", "updated_at",
		}
	case ops.KindBulk:
		return []string{
			"id", "action", "actor", "status", "total", "counts", "chunks_left", "attempt", "ended_at", "created_at", "updated_at",
		}
	case ops.KindAction:
		return []string{"id"}
	case ops.KindBacktest:
		return []string{
			"id", "actor", "status", "from", "to", "read_from", "through", "read", "lines", "cut", "pages", "error", "attempt",
			"ended_at", "created_at", "updated_at",
		}
	case ops.KindUndelivered:
		return []string{
			"id", "source", "target", "rule", "queue", "code", "message", "event_type", "event_source", "event_id", "event_time",
			"bytes", "status", "tries", "failures", "last_failed_at", "resends", "resent_by", "resent_at", "closed_by",
			"closed_at", "reason", "created_at", "updated_at",
		}
	case ops.KindAudit:
		return []string{
			"id", "at", "actor", "action", "target", "seq", "reason", "request_id", "prev_hash", "hash", "created_at",
		}
	}
	return nil
}
