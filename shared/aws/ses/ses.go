// Package ses sends e-mails with Amazon SES (API v2).
package ses

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/aws/signed"
)

// Path is where SES v2 takes messages.
const Path = "/v2/email/outbound-emails"

// Message is the body of SendEmail, as far as it is used.
type Message struct {
	FromEmailAddress string
	Destination      Destination
	Content          Content
	EmailTags        []Tag
}

// Destination is who gets a message.
type Destination struct{ ToAddresses []string }

// Content is what a message says.
type Content struct{ Simple Simple }

// Simple is a message of a subject and a text.
type Simple struct {
	Subject Text
	Body    Body
}

// Body is a message's text.
type Body struct{ Text Text }

// Text is a text in UTF-8.
type Text struct{ Data, Charset string }

// Tag marks a message in SES's events.
type Tag struct{ Name, Value string }

// Client sends e-mails from one address. It is safe for concurrent use.
type Client struct {
	api  signed.Client
	from string
}

// New makes a client. From must be an identity that SES has verified.
func New(c aws.Config, from string, client *http.Client, now func() time.Time) *Client {
	return &Client{api: signed.Client{Config: c, Service: "ses", Host: "email", HTTP: client, Now: now}, from: from}
}

// SendEmail sends one message to one address; its id is a tag of it. CodeUnavailable and CodeThrottled when it may be tried
// again.
func (c *Client) SendEmail(ctx context.Context, id, to, title, text string) error {
	body, err := json.Marshal(Message{
		FromEmailAddress: c.from, Destination: Destination{[]string{to}},
		Content:   Content{Simple{Subject: Text{title, "UTF-8"}, Body: Body{Text{text, "UTF-8"}}}},
		EmailTags: []Tag{{"notification", id}},
	})
	if err != nil {
		return fmt.Errorf("write e-mail %s: %w", id, err)
	}
	_, err = c.api.Post(ctx, Path, "application/json", body, nil)
	return err
}
