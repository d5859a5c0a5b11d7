package local

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
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

// ServeHTTP takes a message (POST), lists them, newest first (GET), or lets channels be down, so that one can see what
// becomes of messages then (PUT {"down":["email"]}; an empty list has all of them work again).
func (o *outbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"items": o.list(), "down": o.channelsDown()})
	case http.MethodPut:
		o.letDown(w, r)
	case http.MethodPost:
		if o.isDown("webhook") {
			devError(w, http.StatusServiceUnavailable, "unavailable", "the webhook is down: PUT /dev/outbox said so")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil || !json.Valid(body) {
			devError(w, http.StatusBadRequest, "invalid", "the body must be one JSON value of at most 1 MB")
			return
		}
		m := Message{At: o.now(), ID: r.Header.Get("webhook-id"), Channel: "webhook", Body: body}
		var said struct{ Title, Text string }
		if json.Unmarshal(body, &said) == nil {
			m.Title, m.Text = said.Title, said.Text
		}
		o.add(m)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, POST, PUT")
		devError(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not allowed here")
	}
}

func (o *outbox) letDown(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Down []string `json:"down"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		devError(w, http.StatusBadRequest, "invalid", `the body must be like {"down":["email"]}: `+err.Error())
		return
	}
	for _, c := range in.Down {
		if c != "email" && c != "sms" && c != "webhook" {
			devError(w, http.StatusBadRequest, "invalid", "down must name email, sms or webhook, got "+c)
			return
		}
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

// devError answers as the API does: problem+json.
func devError(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	body, err := json.Marshal(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	})
	if err != nil {
		body = nil // texts and a number can always be written
	}
	_, _ = w.Write(body) // the caller has gone if this fails
}
