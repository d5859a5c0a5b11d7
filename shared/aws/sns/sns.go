// Package sns sends short messages with Amazon SNS.
package sns

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/aws/signed"
)

// Client sends short messages. It is safe for concurrent use.
type Client struct{ api signed.Client }

// New makes a client.
func New(c aws.Config, client *http.Client, now func() time.Time) *Client {
	return &Client{signed.Client{Config: c, Service: "sns", Host: "sns", HTTP: client, Now: now}}
}

// SendSMS sends one message to one number (E.164), as one that matters, not as advertising. SNS keeps no id of ours.
// CodeUnavailable and CodeThrottled when it may be tried again.
func (c *Client) SendSMS(ctx context.Context, _, to, text string) error {
	form := url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "PhoneNumber": {to}, "Message": {text},
		"MessageAttributes.entry.1.Name":              {"AWS.SNS.SMS.SMSType"},
		"MessageAttributes.entry.1.Value.DataType":    {"String"},
		"MessageAttributes.entry.1.Value.StringValue": {"Transactional"},
	}
	_, err := c.api.Post(ctx, "/", "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()), nil)
	return err
}
