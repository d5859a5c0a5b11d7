package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// webhook posts messages to a URL, with the headers of Standard Webhooks 1.0 (standardwebhooks.com): webhook-id is the
// same however often a message is posted, so that the receiver can drop repeats.
type webhook struct {
	address string
	secret  []byte // signs; none: messages go out unsigned
	client  *http.Client
}

// message is the body of a post.
type message struct {
	Type      string                     `json:"type"` // always "notification"
	ID        string                     `json:"id"`
	Timestamp time.Time                  `json:"timestamp"`
	Template  string                     `json:"template"`
	To        ops.Recipient              `json:"to"`
	Title     string                     `json:"title"`
	Text      string                     `json:"text"`
	Subject   ops.SubjectRef             `json:"subject,omitzero"`
	Data      map[string]json.RawMessage `json:"data,omitempty"`
}

// sendError says why a message could not be sent, and whether it may be sent when tried again.
type sendError struct {
	why   error
	again bool
}

func (e *sendError) Error() string { return e.why.Error() }

func (e *sendError) Unwrap() error { return e.why }

func (w webhook) post(ctx context.Context, n *ops.Notification, now time.Time) *sendError {
	if w.address == "" {
		return &sendError{why: errors.New("no webhook is configured (NOTIFY_WEBHOOK_URL)")}
	}
	body, err := json.Marshal(message{
		Type: "notification", ID: n.ID, Timestamp: now.UTC(), Template: n.Template, To: n.To,
		Title: n.Title, Text: n.Text, Subject: n.Subject, Data: n.Data,
	})
	if err != nil {
		return &sendError{why: fmt.Errorf("write the message as JSON: %w", err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return &sendError{why: errors.New("the webhook's address is no URL")}
	}
	req.Header.Set("Content-Type", "application/json")
	stamp := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Webhook-Id", n.ID)
	req.Header.Set("Webhook-Timestamp", stamp)
	if w.secret != nil {
		req.Header.Set("Webhook-Signature", sign(w.secret, n.ID, stamp, body))
	}
	res, err := w.client.Do(req)
	if err != nil {
		// The address can hold a secret, and this text is shown to people.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return &sendError{why: fmt.Errorf("call the webhook: %w", err), again: true}
	}
	defer res.Body.Close() //nolint:errcheck // what was read of it stays read
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 200))
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	return &sendError{why: fmt.Errorf("the webhook answered %s: %s", res.Status, answer), again: worthRetrying(res.StatusCode)}
}

// secretPrefix begins a secret as Standard Webhooks writes them: "whsec_" and base64.
const secretPrefix = "whsec_"

// ParseSecret reads a webhook's signing secret. Nil for none.
func ParseSecret(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretPrefix))
	if err != nil || len(secret) < 24 || len(secret) > 64 {
		return nil, errors.New("a webhook's secret must be 24 to 64 bytes, as whsec_ and base64")
	}
	return secret, nil
}

// sign gives the signature of a message: version 1, HMAC-SHA256 over id, time and body, with dots between them.
func sign(secret []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body) // a hash takes everything
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// worthRetrying reports whether an answer is about the moment rather than about the message.
func worthRetrying(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}
