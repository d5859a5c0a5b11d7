package store

import (
	"context"
	"time"

	"opsflow/shared/ops"
)

// Event implements ops.EventStore.
func (s *Store) Event(ctx context.Context, id string) (*ops.Event, error) {
	e, err := get[ops.Event](ctx, s, ops.Ref{Kind: ops.KindEvent, ID: id})
	if ops.ErrorCode(err) != ops.CodeNotFound {
		return e, err
	}
	d, aliasErr := get[ops.Delivery](ctx, s, ops.Ref{Kind: ops.KindDelivery, ID: id})
	if ops.ErrorCode(aliasErr) == ops.CodeNotFound {
		return nil, err
	}
	if aliasErr != nil {
		return nil, aliasErr
	}
	return get[ops.Event](ctx, s, ops.Ref{Kind: ops.KindEvent, ID: d.EventID})
}

// Events implements ops.EventStore. Newest is by arrival: the sender's clock may be wrong.
func (s *Store) Events(ctx context.Context, f ops.EventFilter) (ops.Page[*ops.Event], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	l := list{name: "events", filter: f, descending: true}
	rest := f // what the index does not see to
	switch {
	case !f.Subject.IsZero():
		rest.Subject = ops.SubjectRef{}
		l.index, l.partitions, l.prefix = subjectIndex, []string{f.Subject.String()}, "event#"
	case !f.Names.IsZero():
		rest.Names = ops.SubjectRef{}
		l.index, l.partitions = stateIndex, []string{"event#" + f.Names.String()}
	case f.Status == ops.EventInvalid:
		rest.Status = ""
		l.index, l.partitions = stateIndex, sharded("event#invalid")
	case f.Type != "" && len(f.Type) <= maxTypeBytes:
		rest.Type = ""
		l.index, l.more, l.whole = wakeIndex, s.eventDays(ctx, l, f, f.Type+"#", req.Cursor), true
	default:
		l.index, l.more = listIndex, s.eventDays(ctx, l, f, "", req.Cursor)
	}
	if !f.From.IsZero() || !f.To.IsZero() {
		rest.From, rest.To = time.Time{}, time.Time{}
		to := lastText
		if !f.To.IsZero() {
			to = stamp(f.To) // an event's key goes on behind its time, so those at To itself are not in
		}
		l.from, l.to, l.prefix = l.prefix+stamp(f.From), l.prefix+to, ""
	}
	var keep func(*ops.Event) bool
	if rest != (ops.EventFilter{}) {
		keep = func(e *ops.Event) bool {
			return (rest.Status == "" || e.Status == rest.Status) && (rest.Type == "" || e.Type == rest.Type)
		}
	}
	return page(ctx, s, l, req, keep)
}

// EventsOfType implements ops.EventHistory.
func (s *Store) EventsOfType(ctx context.Context, t ops.EventType, p ops.PageRequest) (ops.Page[*ops.Event], error) {
	return s.Events(ctx, ops.EventFilter{Type: string(t), Status: ops.EventValid, PageRequest: p}) // of a type they are whole
}

// eventDays gives the partitions of the days on which stored events can have come, newest first: one day, then two more,
// then four, so that a quiet quarter is looked through in few rounds.
// what stands before the day in their names.
func (s *Store) eventDays(ctx context.Context, l list, f ops.EventFilter, what, cursor string) func() []string {
	now := s.now().UTC()
	day := now.Add(time.Hour) // another process's clock may be ahead
	if !f.To.IsZero() && f.To.Before(day) {
		day = f.To.UTC()
	}
	if cursor != "" {
		// A cursor that cannot be read is refused by page itself.
		if _, from, err := s.scope(ctx, l, cursor); err == nil && len(from.After) > dayLength {
			if t, err := time.Parse(time.DateOnly, from.After[:dayLength]); err == nil {
				day = t
			}
		}
	}
	oldest := max(now.Add(-ops.EventRetention).Format(time.DateOnly), f.From.UTC().Format(time.DateOnly))
	round := 1
	return func() []string {
		var partitions []string
		for range round {
			name := day.Format(time.DateOnly)
			if name < oldest {
				break
			}
			partitions = append(partitions, sharded("events#"+what+name)...)
			day = day.AddDate(0, 0, -1)
		}
		round = min(2*round, 32)
		return partitions
	}
}
