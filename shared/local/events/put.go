package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/events/pattern"
)

const (
	maxEntries    = 10
	maxEntryBytes = 1 << 20 // all entries of one call
)

// Entry is one event given to Put.
type Entry struct {
	Source       string
	DetailType   string
	Detail       string // the text of a JSON object
	EventBusName string // name or ARN; empty: default
	Resources    []string
	Time         time.Time // zero: now
}

// Result says what became of an Entry: accepted under an id, or refused with one of AWS's codes (InvalidArgument,
// MalformedDetail, NotAuthorizedForSourceException).
type Result struct {
	EventID      string
	ErrorCode    string
	ErrorMessage string
}

// Put accepts up to 10 events, 1 MiB in all, and gives one result for each, in order. When it returns, everything that is
// to be delivered is on disk. The error is a ValidationException for the call as a whole, or a failure of the database;
// nothing is accepted then. An event to a bus that does not exist is accepted and goes nowhere, like at AWS.
func (e *Engine) Put(ctx context.Context, entries []Entry) ([]Result, error) {
	if n := len(entries); n < 1 || n > maxEntries {
		var f constraint.Faults
		f.Size("entries", "["+shown(entries)+"]", n, 1, maxEntries)
		return nil, broken(f)
	}
	size := 0
	for i := range entries {
		size += entries[i].size()
	}
	if size > maxEntryBytes {
		return nil, invalid("Total size of the entries in the request is over the limit.")
	}
	results := make([]Result, len(entries))
	var accepted []sent
	for i := range entries {
		entry := &entries[i]
		if results[i].ErrorCode, results[i].ErrorMessage = e.refuse(ctx, entry); results[i].ErrorCode != "" {
			continue
		}
		ev, err := e.complete(Event{
			DetailType: entry.DetailType, Source: entry.Source, Time: entry.Time, Resources: entry.Resources,
			Detail: json.RawMessage(entry.Detail),
		})
		if err != nil {
			return nil, err
		}
		results[i].EventID = ev.ID
		accepted = append(accepted, sent{bus: busName(entry.EventBusName), event: ev})
	}
	if err := e.accept(ctx, accepted); err != nil {
		return nil, fmt.Errorf("put events: %w", err)
	}
	if e.o.Count != nil {
		e.o.Count(ctx, len(accepted))
	}
	return results, nil
}

// shown writes entries as AWS does when it refuses them.
func shown(entries []Entry) string {
	list := make([]string, len(entries))
	orNull := func(s string) string { return cmp.Or(s, "null") }
	for i := range entries {
		en := &entries[i]
		resources, at := "null", "null"
		if en.Resources != nil {
			resources = "[" + strings.Join(en.Resources, ", ") + "]"
		}
		if !en.Time.IsZero() {
			at = en.Time.UTC().Format(time.UnixDate)
		}
		list[i] = fmt.Sprintf("PutEventsRequestEntry(time=%s, source=%s, resources=%s, detailType=%s, detail=%s, eventBusName=%s, "+
			"traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)",
			at, orNull(en.Source), resources, orNull(en.DetailType), orNull(en.Detail), orNull(en.EventBusName))
	}
	return strings.Join(list, ", ")
}

// size is counted as AWS documents it.
func (en *Entry) size() int {
	n := len(en.Source) + len(en.DetailType) + len(en.Detail)
	for _, r := range en.Resources {
		n += len(r)
	}
	if !en.Time.IsZero() {
		n += 14
	}
	return n
}

func (e *Engine) refuse(ctx context.Context, en *Entry) (code, message string) {
	for _, field := range []struct{ name, value string }{
		{"Source", en.Source}, {"DetailType", en.DetailType}, {"Detail", en.Detail},
	} {
		if field.value == "" {
			return "InvalidArgument", fmt.Sprintf("Parameter %s is not valid. Reason: %[1]s is a required argument.", field.name)
		}
	}
	if len(en.DetailType) > 128 {
		return "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType must be 128 characters or less."
	}
	if len(en.Source) > 256 {
		return "InvalidArgument", "Parameter Source is not valid. Reason: Source must be 256 characters or less."
	}
	if detail := bytes.TrimSpace([]byte(en.Detail)); !json.Valid(detail) || detail[0] != '{' {
		return "MalformedDetail", "Detail is malformed."
	}
	if strings.HasPrefix(en.Source, "aws.") || e.o.MaySendAs != nil && !e.o.MaySendAs(ctx, en.EventBusName, en.Source) {
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	}
	return "", ""
}

// complete fills in what the sender left to the engine.
func (e *Engine) complete(ev Event) (Event, error) {
	if ev.ID == "" {
		var err error
		if ev.ID, err = e.newID(); err != nil {
			return Event{}, err
		}
	}
	ev.Account = cmp.Or(ev.Account, e.o.Account)
	ev.Region = cmp.Or(ev.Region, e.o.Region)
	if ev.Time.IsZero() {
		ev.Time = e.o.Clock.Now()
	}
	return ev, nil
}

// PublishAWS puts an event of an AWS service (source aws.states and the like) on the default bus. Like Put it returns
// when what is to be delivered is on disk.
func (e *Engine) PublishAWS(ctx context.Context, ev Event) error {
	ev, err := e.complete(ev)
	if err == nil {
		err = e.accept(ctx, []sent{{bus: DefaultBus, event: ev}})
	}
	if err != nil {
		return fmt.Errorf("publish %s event: %w", ev.Source, err)
	}
	return nil
}

// sent is an event on its way through a bus.
type sent struct {
	bus   string
	event Event
	only  []string // rules' ARNs that a replay is limited to; empty: all
	// forwarded: it comes from another bus, and goes on to no third one: so buses that send to each other make no circle.
	forwarded bool
}

// accept finds where events go, writes that down in one change, and hands it to the lanes.
func (e *Engine) accept(ctx context.Context, events []sent) error {
	defer e.o.Clock.Busy()()
	var (
		queue []*delivery
		keep  []archived
	)
	for i := range events {
		out, kept, err := e.route(&events[i])
		if err != nil {
			return err
		}
		queue, keep = append(queue, out...), append(keep, kept...)
	}
	if len(queue)+len(keep) == 0 {
		return nil
	}
	err := e.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(queueBucket)
		for _, d := range queue {
			if err := d.insert(b); err != nil {
				return err
			}
		}
		return putArchived(tx, keep)
	})
	if err != nil {
		return err
	}
	e.lanes.add(e, queue...)
	return nil
}

// route gives the deliveries that an event makes, in order of rule names, and the archives that keep it.
func (e *Engine) route(s *sent) ([]*delivery, []archived, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	b := e.buses[s.bus]
	if b == nil {
		e.o.Logger.Warn("event to a bus that does not exist", "bus", s.bus, "source", s.event.Source, "event_id", s.event.ID)
		return nil, nil, nil
	}
	text := s.event.text()
	parsed, err := pattern.ParseEvent(text)
	if err != nil {
		return nil, nil, err
	}
	var queue []*delivery
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		r := b.rules[name]
		if r.Disabled || r.pattern == nil || len(s.only) > 0 && !slices.Contains(s.only, r.ARN) || !r.pattern.MatchEvent(parsed) {
			continue
		}
		for _, d := range e.deliveries(r, s.event.ID, text) {
			if s.forwarded && serviceOf(d.TargetARN) == serviceBus {
				e.o.Logger.Warn("event not sent to a third bus", "bus", s.bus, "rule", r.Name, "target", d.TargetARN, "event_id", s.event.ID)
				continue
			}
			queue = append(queue, d)
		}
	}
	var keep []archived
	if s.event.ReplayName == "" {
		for _, a := range e.archives {
			if a.SourceARN == b.ARN && (a.pattern == nil || a.pattern.MatchEvent(parsed)) {
				keep = append(keep, archived{a.Archive, e.o.Clock.Now(), text})
			}
		}
	}
	return queue, keep, nil
}
