package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// The items of the table:
//
//	pk                       sk            what
//	rule                     <id>          a stored rule: all of them are read at once, consistently
//	template                 <name>@<v>    a stored template, likewise
//	vendor                   <id>          a vendor, likewise
//	member                   <id>          a member, likewise
//	connection               <name>        a connection, likewise
//	ruleversion#<id>         <number>      a rule's versions in order
//	waiter#<event>#<key>     <step>        the steps that wait for an event: all are read at once, consistently
//	history#<instance>       <first>       the older part of an instance's history, in chunks by the number of their first entry
//	value#<instance>         <hash>        a large value of an instance: it never changes
//	audit#<kind>#<id>        <seq>         a target's audit entries in order: two writers of one place cannot both win
//	<kind>#<id>              record        every other record
//	secret#cursor            record        what signs cursors
//
// And their places in the indexes. <time> is the time of creation unless said otherwise; every sort key ends with the
// record's id, so that no two are the same and the last one on a page marks a place in all shards at once.
//
//	index    pk                               sk                          which
//	list     <kind>#<shard>                   <time>#<id>                 instances tasks alerts notifications vendors audit bulk undelivered backtests
//	list     events#<day>#<shard>             <time>#<id>                 events
//	state    instance#<status>#<shard>        <time>#<id>                 instances
//	state    alert#<status>#<shard>           <rank>#<time>#<id>          alerts
//	state    event#invalid#<shard>            <time>#<id>                 invalid events
//	state    event#booking/<id>               <time>#<id>                 valid events about something else of a booking
//	state    notification#failed#<shard>      <time>#<id>                 messages that could not be sent
//	state    task#<team>#<shard>              <due>#<urgency>#<time>#<id> tasks that are not decided: the teams' queues
//	state    undelivered#<status>#<shard>     <time>#<id>                 what could not be delivered
//	state    action#<status>#<rule>#<shard>   <time>#<id>                 a rule's actions that are put off, or failed
//	subject  <type>/<id>                      <kind>#<time>#<id>          instances alerts notifications events
//	subject  vendor/<id>                      metric#<time>#<id>          metrics
//	subject  assignee/<user>                  task#<due>#<urgency>#...    tasks that somebody has, not decided
//	subject  instance/<id>                    task#<time>#<id>            all other tasks
//	wake     wake#<shard>                     <wake_at>#<kind>#<id>       whatever has a timer
//	wake     events#<type>#<day>#<shard>      <time>#<id>                 events, which have no timer: by type, for keys alone
const (
	listIndex    = "list"
	stateIndex   = "state"
	subjectIndex = "subject"
	wakeIndex    = "wake"

	onlySK = "record"
)

// Indexes declares the indexes of the table. The ones that lists come from hold, besides keys and version, one field:
// summary, what lists show of the record (DynamoDB allows 20 projected fields an index, and our kinds have more).
func Indexes() []table.Index {
	return []table.Index{
		{Name: listIndex, Project: []string{summaryField}},
		{Name: stateIndex, Project: []string{summaryField}},
		{Name: subjectIndex, Project: []string{summaryField}},
		{Name: wakeIndex},
	}
}

// keyOf is where a record is kept.
func keyOf(r ops.Record) table.Key {
	if a, ok := r.(*ops.AuditEntry); ok {
		return table.Key{PK: auditPartition(a.Target), SK: fmt.Sprintf("%012d", a.Seq)}
	}
	if v, ok := r.(*ops.RuleVersion); ok {
		return table.Key{PK: versionsPartition(v.RuleID), SK: fmt.Sprintf("%09d", v.Number)}
	}
	if w, ok := r.(*ops.Waiter); ok {
		return table.Key{PK: waitersPartition(w.Event, w.Key), SK: w.Place()}
	}
	return keyOfRef(r.Ref())
}

// keyOfRef is keyOf for every kind but those that are kept beside one another in a partition of their own: audit entries,
// rule versions and waiters.
func keyOfRef(ref ops.Ref) table.Key {
	switch ref.Kind { //nolint:exhaustive // the rest follows below
	case ops.KindRule, ops.KindTemplate, ops.KindVendor, ops.KindMember, ops.KindConnection:
		return table.Key{PK: string(ref.Kind), SK: ref.ID}
	}
	return table.Key{PK: string(ref.Kind) + "#" + ref.ID, SK: onlySK}
}

func auditPartition(target ops.Ref) string {
	return "audit#" + string(target.Kind) + "#" + target.ID
}

func versionsPartition(ruleID string) string { return string(ops.KindRuleVersion) + "#" + ruleID }

func waitersPartition(event ops.EventType, key string) string {
	return string(ops.KindWaiter) + "#" + string(event) + "#" + key
}

var secretKey = table.Key{PK: "secret#cursor", SK: onlySK}

// placesOf is where a record stands in the indexes.
func placesOf(r ops.Record) map[string]table.Key {
	m, ref := r.RecordMeta(), r.Ref()
	shard := strconv.Itoa(ops.ShardOf(ref.ID))
	created := stamp(m.CreatedAt) + "#" + ref.ID
	kind := string(ref.Kind)
	places := map[string]table.Key{}
	listed := func() { places[listIndex] = table.Key{PK: kind + "#" + shard, SK: created} }
	about := func(s ops.SubjectRef) {
		if !s.IsZero() {
			places[subjectIndex] = table.Key{PK: s.String(), SK: kind + "#" + created}
		}
	}
	switch r := r.(type) {
	case *ops.Instance:
		listed()
		places[stateIndex] = table.Key{PK: "instance#" + string(r.Status) + "#" + shard, SK: created}
		about(r.Subject)
	case *ops.Task:
		listed()
		placeTask(r, places, shard, created)
	case *ops.Alert:
		listed()
		places[stateIndex] = table.Key{
			PK: "alert#" + string(r.Status) + "#" + shard,
			SK: strconv.Itoa(r.Severity.Rank()) + "#" + created,
		}
		about(r.Subject)
	case *ops.Event:
		day := created[:dayLength]
		places[listIndex] = table.Key{PK: eventsPartition(day, shard), SK: created}
		if len(r.Type) <= maxTypeBytes {
			places[wakeIndex] = table.Key{PK: eventsPartition(r.Type+"#"+day, shard), SK: created}
		}
		if r.Status == ops.EventInvalid {
			places[stateIndex] = table.Key{PK: "event#invalid#" + shard, SK: created}
		} else if booking := r.Names(); !booking.IsZero() {
			places[stateIndex] = table.Key{PK: "event#" + booking.String(), SK: created}
		}
		about(r.Subject)
	case *ops.Notification:
		listed()
		if r.Status == ops.NotificationFailed {
			places[stateIndex] = table.Key{PK: "notification#failed#" + shard, SK: created}
		}
		about(r.Subject)
	case *ops.PendingAction:
		if r.Status == ops.ActionFailed || r.Status == ops.ActionWaiting && r.PutOff() {
			places[stateIndex] = table.Key{PK: actionsPartition(r.RuleID, r.Status) + "#" + shard, SK: created}
		}
	case *ops.Metric:
		about(ops.SubjectRef{Type: "vendor", ID: r.VendorID})
	case *ops.Undelivered:
		listed()
		places[stateIndex] = table.Key{PK: "undelivered#" + string(r.Status) + "#" + shard, SK: created}
	case *ops.Vendor, *ops.AuditEntry, *ops.Bulk, *ops.Backtest:
		listed()
	}
	if at := m.WakeAt(); !at.IsZero() {
		places[wakeIndex] = wakePlace(ref, at)
	}
	return places
}

func placeTask(t *ops.Task, places map[string]table.Key, shard, created string) {
	if t.Status.Decided() {
		places[subjectIndex] = table.Key{PK: "instance/" + t.InstanceID, SK: "task#" + created}
		return
	}
	due := t.DueAt
	if due.IsZero() {
		due = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) // no deadline: behind everything that has one
	}
	urgent := fmt.Sprintf("%s#%02d#%s", stamp(due), min(max(99-t.Priority, 0), 99), created)
	places[stateIndex] = table.Key{PK: queuePartition(t.Team, shard), SK: urgent}
	if t.Assignee != "" {
		places[subjectIndex] = table.Key{PK: "assignee/" + t.Assignee, SK: "task#" + urgent}
	} else {
		places[subjectIndex] = table.Key{PK: "instance/" + t.InstanceID, SK: "task#" + created}
	}
}

func queuePartition(team ops.Team, shard string) string { return "task#" + string(team) + "#" + shard }

// eventsPartition is where events of a day are, or those of a type: "<type>#<day>".
func eventsPartition(what, shard string) string { return "events#" + what + "#" + shard }

// maxTypeBytes is how long a type may be that events are found by: EventBridge's limit, which only another sender exceeds.
const maxTypeBytes = 256

func actionsPartition(ruleID string, status ops.ActionStatus) string {
	return "action#" + string(status) + "#" + ruleID
}

func valuesPartition(instance string) string { return "value#" + instance }

func historyPartition(instance string) string { return "history#" + instance }

// chunkKey is where the part of an instance's history is that begins with its nth entry.
func chunkKey(instance string, n int) table.Key {
	return table.Key{PK: historyPartition(instance), SK: fmt.Sprintf("%09d", n)}
}

// chunkFirst reads the number of a chunk's first entry.
func chunkFirst(key table.Key) (int, error) {
	n, err := strconv.Atoi(key.SK)
	if err != nil {
		return 0, fmt.Errorf("%s is no part of a history: %w", key, err)
	}
	return n, nil
}

// dayLength is how much of a stamp is its day.
const dayLength = len("2006-01-02")

// stamp writes a time so that texts sort as times do.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// sharded gives the partitions of all shards.
func sharded(prefix string) []string {
	all := make([]string, ops.Shards)
	for i := range all {
		all[i] = prefix + "#" + strconv.Itoa(i)
	}
	return all
}

// wakePlace is where a record stands that is to be looked at at a time.
func wakePlace(ref ops.Ref, at time.Time) table.Key {
	return table.Key{PK: "wake#" + strconv.Itoa(ops.ShardOf(ref.ID)), SK: stamp(at) + "#" + string(ref.Kind) + "#" + ref.ID}
}

// wokenRef reads which record a place in the wake index stands for.
func wokenRef(at table.Key) (ops.Ref, bool) {
	parts := strings.SplitN(at.SK, "#", 3)
	if len(parts) != 3 {
		return ops.Ref{}, false
	}
	return ops.Ref{Kind: ops.Kind(parts[1]), ID: parts[2]}, true
}
