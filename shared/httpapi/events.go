package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func (a *api) eventRoutes() {
	handle(a, route{
		id: "list-events", method: http.MethodGet, path: "/v1/events", action: readEvents,
		summary: "List events, newest first",
	}, a.listEvents)
	handle(a, route{
		id: "list-invalid-events", method: http.MethodGet, path: "/v1/events/invalid", action: readEvents,
		summary: "List the events that could not be used, newest first",
	}, a.listInvalidEvents)
	handle(a, route{
		id: "get-event", method: http.MethodGet, path: "/v1/events/{id}", action: readEvents,
		summary: "Read an event with what every rule decided; EventBridge's id of a delivery finds it too",
	}, a.getEvent)
	handle(a, route{
		id: "put-event", method: http.MethodPost, path: "/v1/events", action: putEvents,
		summary: "Put a domain event on the bus", status: http.StatusAccepted,
	}, a.putEvent)
	handle(a, route{
		id: "replay-event", method: http.MethodPost, path: "/v1/events/{id}/replay", record: byID(a.Store.Event), action: replayEvents,
		summary: "Take an event in once more, an invalid one as corrected: all rules are asked but those that acted on it; what was done is not done again",
	}, a.replayEvent)
}

// EventSummary is what lists tell of an event.
type EventSummary struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	Source    string          `json:"source"`
	Time      time.Time       `json:"time" doc:"When it happened, by its sender."`
	Status    ops.EventStatus `json:"status"`
	Identity  string          `json:"identity,omitempty" doc:"What makes two deliveries the same event."`
	Subject   ops.SubjectRef  `json:"subject,omitzero"`
	Faults    []ops.Fault     `json:"faults,omitempty" doc:"What is wrong with an invalid event."`
	CreatedAt time.Time       `json:"created_at,omitzero" doc:"When it first arrived."`
}

// eventBody is all that the API tells of an event.
type eventBody struct {
	EventSummary
	Detail     json.RawMessage `json:"detail"`
	Decisions  []decisionBody  `json:"decisions" nullable:"false"`
	NotMatched int             `json:"not_matched,omitempty" doc:"How many decisions of rules that did not match were not kept: only the first 200 are. They are recomputed."`
	Delivered  int             `json:"delivered" doc:"How often it arrived."`
	Deliveries []ops.Delivered `json:"deliveries" nullable:"false" doc:"The first 50 arrivals."`
	Cause      ops.Cause       `json:"cause,omitzero"`

	CorrectedBy  string `json:"corrected_by,omitempty" doc:"The event that came in the place of this invalid one."`
	CorrectionOf string `json:"correction_of,omitempty" doc:"The invalid event in whose place this one came."`
}

// decisionBody is a decision with the effect of its first action on top: most rules have one.
type decisionBody struct {
	ops.Decision
	Effect *ops.Effect `json:"effect,omitempty"`
}

func summarize(e *ops.Event) EventSummary {
	return EventSummary{
		ID: e.ID, Type: e.Type, Source: e.Source, Time: e.Time, Status: e.Status, Identity: e.Identity,
		Subject: e.Subject, Faults: e.Faults, CreatedAt: e.CreatedAt,
	}
}

func eventView(e *ops.Event) eventBody {
	v := eventBody{
		EventSummary: summarize(e), Detail: e.Detail, Decisions: make([]decisionBody, len(e.Decisions)),
		NotMatched: e.NotMatched, Delivered: e.Delivered, Deliveries: e.Envelopes, Cause: e.Cause,
		CorrectedBy: e.CorrectedBy, CorrectionOf: e.CorrectionOf,
	}
	if v.Deliveries == nil {
		v.Deliveries = []ops.Delivered{}
	}
	for i, d := range e.Decisions {
		v.Decisions[i].Decision = d
		if len(d.Effects) > 0 {
			v.Decisions[i].Effect = &d.Effects[0]
		}
	}
	return v
}

type eventsQuery struct {
	PageQuery
	Status  string `query:"status" enum:"valid,invalid,corrected" doc:"Only those with this status."`
	Type    string `query:"type" maxLength:"128" doc:"The detail-type."`
	Subject string `query:"subject" maxLength:"257" doc:"What they are about, as type/id." example:"booking/bk-1"`

	From time.Time `query:"from" doc:"Those that arrived from this time on."`
	To   time.Time `query:"to" doc:"Those that arrived before this time."`
}

func (a *api) listEvents(ctx context.Context, q *eventsQuery) (*listOutput[EventSummary], error) {
	subject, badSubject := subjectQuery(q.Subject)
	if err := invalid(badSubject); err != nil {
		return nil, err
	}
	return a.eventsPage(ctx, ops.EventFilter{
		Status: ops.EventStatus(q.Status), Type: q.Type, Subject: subject, From: q.From, To: q.To, PageRequest: q.request(),
	})
}

func (a *api) listInvalidEvents(ctx context.Context, q *PageQuery) (*listOutput[EventSummary], error) {
	return a.eventsPage(ctx, ops.EventFilter{Status: ops.EventInvalid, PageRequest: q.request()})
}

func (a *api) eventsPage(ctx context.Context, f ops.EventFilter) (*listOutput[EventSummary], error) {
	page, err := a.Store.Events(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return listOf(page, summarize), nil
}

func (a *api) getEvent(ctx context.Context, in *IDPath) (*oneOutput[eventBody], error) {
	e, err := a.Rules.Event(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return &oneOutput[eventBody]{ETag: etag(e), Body: eventView(e)}, nil
}

// ReplayEvent is what a replay may say; no body at all will do.
type ReplayEvent struct {
	Type   string                     `json:"type,omitempty" maxLength:"128" doc:"The corrected detail-type of an invalid event; absent: as it came."`
	Time   time.Time                  `json:"time,omitzero" doc:"When it happened; absent: as it came."`
	Detail map[string]json.RawMessage `json:"detail,omitempty" doc:"Its corrected detail; absent: as it came."`
}

type replayInput struct {
	IDPath
	Body *ReplayEvent
}

func (a *api) replayEvent(ctx context.Context, in *replayInput) (*oneOutput[eventBody], error) {
	var c rule.Correction
	if b := in.Body; b != nil {
		c.Type, c.Time = b.Type, b.Time
		if b.Detail != nil {
			var err error
			if c.Detail, err = json.Marshal(b.Detail); err != nil {
				return nil, fmt.Errorf("write the detail: %w", err)
			}
		}
	}
	e, err := a.Rules.Replay(ctx, in.ID, c, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("replay event: %w", err)
	}
	return &oneOutput[eventBody]{ETag: etag(e), Body: eventView(e)}, nil
}

// PutEvent is a domain event to put on the bus.
type PutEvent struct {
	Type   string                     `json:"type" minLength:"1" maxLength:"128" doc:"The detail-type."`
	Source string                     `json:"source,omitempty" maxLength:"128" doc:"Who it comes from; absent: api."`
	Time   time.Time                  `json:"time,omitzero" doc:"When it happened; absent: now."`
	Detail map[string]json.RawMessage `json:"detail" doc:"One without event_id, of a type without a natural key, gets an event_id."`
}

type putEventInput struct{ Body PutEvent }

type putEventOutput struct {
	Body struct {
		EventID string `json:"event_id" doc:"EventBridge's id of it: GET /v1/events/{id} finds it once rules have decided."`
	} `nameHint:"EventPut"`
}

func (a *api) putEvent(ctx context.Context, in *putEventInput) (*putEventOutput, error) {
	e := in.Body
	if e.Source == "" {
		e.Source = "api"
	}
	if e.Source == ops.Source {
		return nil, invalid(&ops.Fault{Path: "$.source", Expected: "another than our own", Got: ops.Shown(e.Source)})
	}
	if e.Time.IsZero() {
		e.Time = a.Clock.Now()
	}
	if err := a.identify(ctx, ops.EventType(e.Type), e.Detail); err != nil {
		return nil, err
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("write the detail: %w", err)
	}
	env := ops.Envelope{Source: e.Source, DetailType: e.Type, Time: e.Time, Detail: detail}
	event, err := a.Rules.Read(env)
	if err != nil {
		return nil, fmt.Errorf("read event %s: %w", e.Type, err)
	}
	valid := event.Status == ops.EventValid
	if valid { // first, so that nothing is done for an event that nobody has put
		if err := a.notePut(ctx, event.Ref(), e); err != nil {
			return nil, err
		}
	}
	out := &putEventOutput{}
	if out.Body.EventID, err = a.Bus.PutDomain(ctx, e.Source, e.Type, detail, e.Time); err != nil {
		return nil, fmt.Errorf("put event %s: %w", e.Type, err)
	}
	if !valid { // nothing is done for it, and it is known by EventBridge's id only
		env.ID = out.Body.EventID
		if event, err = a.Rules.Read(env); err != nil {
			return nil, fmt.Errorf("read event %s: %w", e.Type, err)
		}
		err = a.notePut(ctx, event.Ref(), e)
	}
	return out, err
}

// identify gives an event an event_id that has none and whose type has no natural key. Sent again under the same
// Idempotency-Key, it is the same.
func (a *api) identify(ctx context.Context, t ops.EventType, detail map[string]json.RawMessage) error {
	if _, has := detail["event_id"]; has || ops.HasNaturalKey(t) {
		return nil
	}
	var id string
	if r := ops.RequestOf(ctx); r != nil {
		id = ops.HashID("api-", r.ID)
	} else {
		var err error
		if id, err = a.randomID("api-"); err != nil {
			return fmt.Errorf("identify the event: %w", err)
		}
	}
	text, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("write event_id: %w", err)
	}
	detail["event_id"] = text
	return nil
}

// notePut writes down who put an event, and what it said.
func (a *api) notePut(ctx context.Context, event ops.Ref, e PutEvent) error {
	return audit.Note(ctx, a.Records, audit.Change{Actor: actorOf(ctx), Action: string(putEvents), Target: event, After: e}, a.Clock.Now())
}
