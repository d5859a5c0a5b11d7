// Package signed makes AWS requests without an SDK's client: single operations are not worth modules of their own.
package signed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"opsflow/shared/ops"
)

// Client posts to one AWS service, signed with Signature Version 4. It is safe for concurrent use.
type Client struct {
	Config  aws.Config
	Service string // the name that requests are signed for: "ses"
	Host    string // what the service's address begins with: "email"
	HTTP    *http.Client
	Now     func() time.Time
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// Post sends a body to a path of the service, with more headers than its type (nil: none), and gives the answer.
// CodeUnavailable and CodeThrottled for failures that may pass; any other refusal is a *Refusal.
func (c *Client) Post(ctx context.Context, path, contentType string, body []byte, header map[string]string) ([]byte, error) {
	base := aws.ToString(c.Config.BaseEndpoint)
	if base == "" {
		base = fmt.Sprintf("https://%s.%s.amazonaws.com", c.Host, c.Config.Region)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", c.Service, err)
	}
	req.Header.Set("Content-Type", contentType)
	for name, v := range header {
		req.Header.Set(name, v)
	}
	keys, err := c.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", c.Service, err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), c.Service, c.Config.Region, c.Now()); err != nil {
		return nil, fmt.Errorf("sign a request to %s: %w", c.Service, err)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, ops.Errorf(ops.CodeUnavailable, "call %s: %w", c.Service, err)
	}
	defer res.Body.Close() //nolint:errcheck // what was read of it stays read
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case res.StatusCode < 300:
		return answer, nil
	case res.StatusCode == http.StatusTooManyRequests || bytes.Contains(answer, []byte("Throttl")):
		return nil, ops.Errorf(ops.CodeThrottled, "%s answered %s: %.300s", c.Service, res.Status, answer)
	case res.StatusCode >= 500:
		return nil, ops.Errorf(ops.CodeUnavailable, "%s answered %s: %.300s", c.Service, res.Status, answer)
	}
	return nil, &Refusal{Service: c.Service, Status: res.Status, Answer: answer}
}

// Refusal is a service's answer that is no matter of time.
type Refusal struct {
	Service, Status string
	Answer          []byte
}

func (e *Refusal) Error() string {
	return fmt.Sprintf("%s answered %s: %.300s", e.Service, e.Status, e.Answer)
}
