package events

import (
	"bytes"
	"encoding/json"
	"time"
)

// Event is an event on a bus.
type Event struct {
	ID         string // a UUID; empty: the engine makes one
	DetailType string
	Source     string
	Account    string // empty: the engine's
	Region     string // empty: the engine's
	Time       time.Time
	Resources  []string
	Detail     json.RawMessage // a JSON object, kept as written
	ReplayName string          // set on replayed events
}

// text gives the event as targets receive it. Time is in whole seconds.
func (ev *Event) text() []byte {
	b := &bytes.Buffer{}
	b.Grow(len(ev.Detail) + 400)
	b.WriteString(`{"version":"0","id":`)
	b.Write(quote(ev.ID))
	b.WriteString(`,"detail-type":`)
	b.Write(quote(ev.DetailType))
	b.WriteString(`,"source":`)
	b.Write(quote(ev.Source))
	b.WriteString(`,"account":`)
	b.Write(quote(ev.Account))
	b.WriteString(`,"time":"`)
	b.WriteString(ev.Time.UTC().Format(time.RFC3339))
	b.WriteString(`","region":`)
	b.Write(quote(ev.Region))
	b.WriteString(`,"resources":[`)
	for i, r := range ev.Resources {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(r))
	}
	b.WriteByte(']')
	if ev.ReplayName != "" {
		b.WriteString(`,"replay-name":`)
		b.Write(quote(ev.ReplayName))
	}
	b.WriteString(`,"detail":`)
	b.Write(bytes.TrimSpace(ev.Detail))
	b.WriteByte('}')
	return b.Bytes()
}

// quote gives s as a JSON string, with < > & as they are.
func quote(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
