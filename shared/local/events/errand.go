package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Errand is something that EventBridge Scheduler has delivered when a schedule's time has come.
type Errand struct {
	Schedule string    // ARN
	Slot     time.Time // the time that the schedule names
	ID       string    // of this run of the schedule
	Target   Target    // its Input is what is sent
	// Source and DetailType are those of the event, of which Input is the detail, where the target is a bus.
	Source, DetailType string
}

// errandOf is what a delivery keeps of its errand.
type errandOf struct {
	Schedule   string
	Slot       time.Time
	ID         string
	Source     string `json:",omitempty"`
	DetailType string `json:",omitempty"`
}

// Dispatch writes an errand down as part of a transaction. deliver is to be called when that is committed.
func (e *Engine) Dispatch(tx *bbolt.Tx, r Errand) (deliver func(), err error) {
	id, err := e.newID()
	if err != nil {
		return nil, err
	}
	retries, age := r.Target.limits()
	now := e.o.Clock.Now()
	d := &delivery{
		EventID: id, TargetARN: r.Target.ARN, Role: r.Target.RoleARN, Group: r.Target.group(), Payload: r.Target.Input,
		Accepted: now, Deadline: now.Add(age), Retries: retries,
		Errand: &errandOf{r.Schedule, r.Slot, r.ID, r.Source, r.DetailType},
	}
	if r.Target.DeadLetterConfig != nil {
		d.Queue = r.Target.DeadLetterConfig.ARN
	}
	if err := d.insert(tx.Bucket(queueBucket)); err != nil {
		return nil, err
	}
	return func() { e.lanes.add(e, d) }, nil
}

// payload is what is sent: the attempt's number may be in what a schedule sends.
func (d *delivery) payload() []byte {
	if d.Errand == nil {
		return []byte(d.Payload)
	}
	return []byte(strings.ReplaceAll(d.Payload, "<aws.scheduler.attempt-number>", strconv.Itoa(d.Tries+1)))
}

// putErrand puts the event of a schedule on a bus, as PutEvents does.
func (e *Engine) putErrand(d *delivery, detail []byte) error {
	name := busName(d.TargetARN)
	if _, err := e.Bus(name); err != nil {
		return NoResource(err)
	}
	entry := Entry{Source: d.Errand.Source, DetailType: d.Errand.DetailType, Detail: string(detail), EventBusName: name}
	if code, message := e.refuse(e.ctx, &entry); code != "" {
		return &TargetError{Code: "INVALID_PARAMETER", Err: errors.New(code + ": " + message)}
	}
	event, err := e.complete(Event{
		ID: d.EventID, Source: entry.Source, DetailType: entry.DetailType, Detail: detail, Time: e.o.Clock.Now(), Resources: []string{d.Errand.Schedule},
	})
	if err != nil {
		return err
	}
	if err := e.accept(e.ctx, []sent{{bus: name, event: event}}); err != nil {
		return fmt.Errorf("put the event of a schedule: %w", err)
	}
	return nil
}

// describe gives a dead letter the attributes that EventBridge Scheduler gives it.
func (r *errandOf) describe(attributes map[string]string) {
	attributes["SCHEDULE_ARN"] = r.Schedule
	attributes["SCHEDULED_TIME"] = r.Slot.UTC().Format(time.RFC3339)
	attributes["EXECUTION_ID"] = r.ID
	attributes["IS_PAYLOAD_TRUNCATED"] = "false"
}
