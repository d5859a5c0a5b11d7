package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// Message is one notification as a channel received it.
type Message struct {
	At time.Time `json:"at"`
	ID string    `json:"id,omitempty"` // the notification's; SNS keeps none
	// Channel is email, sms or webhook, and To the address or number.
	Channel string          `json:"channel"`
	To      string          `json:"to,omitempty"`
	Title   string          `json:"title,omitempty"`
	Text    string          `json:"text"`
	Body    json.RawMessage `json:"body,omitempty"` // of a webhook's post
}

// outboxLimit is how many messages the outbox keeps; the oldest go first.
const outboxLimit = 1000

// outbox is where notifications land on this machine: it takes the webhook of deliver-notification, and shows what came.
type outbox struct {
	now func() time.Time

	mu       sync.Mutex
	messages []Message
	down     []string // the channels that take nothing at the moment
}

// show lists the messages, newest first, and the channels that are down.
func (o *outbox) show(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"items": o.list(), "down": o.channelsDown()})
}

// take takes what a webhook is sent.
func (o *outbox) take(w http.ResponseWriter, r *http.Request) {
	if o.isDown("webhook") {
		httpapi.Refuse(w, r, ops.Errorf(ops.CodeUnavailable, "the webhook is down: PUT /dev/outbox said so"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || !json.Valid(body) {
		httpapi.Refuse(w, r, ops.Invalid("message", []ops.Fault{
			{Path: "$", Expected: "one JSON value of at most 1 MB", Got: ops.Shown(string(body))},
		}))
		return
	}
	m := Message{At: o.now(), ID: r.Header.Get("webhook-id"), Channel: "webhook", Body: body}
	var said struct{ Title, Text string }
	if json.Unmarshal(body, &said) == nil {
		m.Title, m.Text = said.Title, said.Text
	}
	o.add(m)
	w.WriteHeader(http.StatusNoContent)
}

// letDown lets channels be down, so that one can see what becomes of messages then: {"down":["email"]}; an empty list has all
// of them work again.
func (o *outbox) letDown(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	var in struct {
		Down []string `json:"down"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var faults []ops.Fault
	if err != nil || dec.Decode(&in) != nil {
		faults = append(faults, ops.Fault{Path: "$", Expected: `an object like {"down":["email"]}`, Got: ops.Shown(string(body))})
	}
	for i, c := range in.Down {
		if c != "email" && c != "sms" && c != "webhook" {
			faults = append(faults, ops.Fault{Path: fmt.Sprintf("$.down[%d]", i), Expected: "email, sms or webhook", Got: ops.Shown(c)})
		}
	}
	if err := ops.Invalid("request", faults); err != nil {
		httpapi.Refuse(w, r, err)
		return
	}
	o.mu.Lock()
	o.down = in.Down
	o.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (o *outbox) isDown(channel string) bool { return slices.Contains(o.channelsDown(), channel) }

func (o *outbox) channelsDown() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.down...)
}

func (o *outbox) add(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = append(o.messages, m)
	if len(o.messages) > outboxLimit {
		o.messages = o.messages[len(o.messages)-outboxLimit:]
	}
}

func (o *outbox) list() []Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := make([]Message, 0, len(o.messages))
	for i := len(o.messages) - 1; i >= 0; i-- {
		out = append(out, o.messages[i])
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // the caller has gone if this fails
}
