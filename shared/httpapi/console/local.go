package console

import (
	"encoding/json"
	"slices"
	"time"
)

// Local is what there is on a local runtime only. It must be safe for concurrent use.
type Local interface {
	// Messages are those that were sent to people and other systems, newest first.
	Messages() []Message
	// PlayDay begins to play a day of a small marketplace, and returns. It refuses with CodeConflict while one is played.
	PlayDay() error
	// Day tells how far the last one is; the zero value: none was played yet.
	Day() Day
}

// Message is a message as its channel received it.
type Message struct {
	At      time.Time
	Channel string // email, sms or webhook
	To      string // an address or a number; empty for webhooks
	Title   string
	Text    string
	Body    json.RawMessage // of a webhook
}

// Day is how far a day is that is played at the system.
type Day struct {
	Playing bool
	At      time.Time // in the day
	Scene   string    // in words
	Percent int       // of the scenes; 100 when it is over
	Failed  string    // why it ended early; empty: it did not
}

// outboxPage is the view of the messages that landed here.
type outboxPage struct {
	Tabs  []tab
	Items []Message
	Total int
}

// outboxShown is how many messages the outbox shows.
const outboxShown = 100

func (c *Console) localPages() {
	if c.Local == nil {
		return
	}
	show(c, page{path: "/outbox", action: "notification.read", section: "Outbox", file: "outbox"}, c.outbox)
	do(c, "/play-a-day", "workflow.start", c.playDay)
}

func (c *Console) outbox(q *request) (outboxPage, error) {
	v := outboxPage{Tabs: []tab{{Text: "All", URL: "/outbox", Current: q.field("channel") == ""}}}
	for _, channel := range []tab{{Text: "E-mail", URL: "email"}, {Text: "SMS", URL: "sms"}, {Text: "Webhook", URL: "webhook"}} {
		v.Tabs = append(v.Tabs, tab{channel.Text, "/outbox?channel=" + channel.URL, q.field("channel") == channel.URL})
	}
	v.Items = c.Local.Messages()
	if chosen := q.field("channel"); chosen != "" {
		v.Items = slices.DeleteFunc(v.Items, func(m Message) bool { return m.Channel != chosen })
	}
	v.Total = len(v.Items)
	v.Items = v.Items[:min(outboxShown, v.Total)]
	return v, nil
}

func (c *Console) playDay(*request) (outcome, error) {
	if err := c.Local.PlayDay(); err != nil {
		return outcome{}, err
	}
	return outcome{to: "/", said: "A day of a small marketplace is being played. Watch it come in."}, nil
}

// day is what the dashboard shows of a played day; nil where none can be.
func (c *Console) day() *Day {
	if c.Local == nil {
		return nil
	}
	d := c.Local.Day()
	return &d
}
