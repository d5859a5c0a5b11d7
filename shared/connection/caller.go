package connection

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"opsflow/shared/ops"
)

// Caller implements ops.Caller. It is safe for concurrent use.
type Caller struct {
	Secrets ops.Secrets
	Clock   ops.Clock
	// Private says that addresses inside of our own network, and plain HTTP, are allowed: for development, and for systems in
	// a private network.
	Private bool

	mu      sync.Mutex
	secrets map[string]known
}

// known is a secret as it was read.
type known struct {
	value string
	at    time.Time
}

// keepSecret is how long a secret is used before it is read again: so long a changed one takes to be used.
const keepSecret = 5 * time.Minute

// Call implements ops.Caller. Answers 408, 425, 429 and 5xx, and no answer at all, may pass (CallError.Again); any other
// refusal does not. A secret that was refused (401, 403) is read anew by the next call.
func (c *Caller) Call(ctx context.Context, r ops.APIRequest) (ops.APIResponse, error) {
	request, err := c.request(ctx, r)
	if err != nil {
		return ops.APIResponse{}, err
	}
	timeout := cmp.Or(r.Connection.Timeout.D, ops.DefaultCallTimeout)
	answer, err := Client(r.Connection, timeout, c.Private).Do(request)
	if err != nil {
		return ops.APIResponse{}, failed(r.Connection, err)
	}
	defer answer.Body.Close() //nolint:errcheck // what was read of it stays read
	body, err := io.ReadAll(io.LimitReader(answer.Body, ops.MaxAPIResponse+1))
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		err := c.refused(r.Connection, answer, body)
		if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
			c.forget(r.Connection)
		}
		return ops.APIResponse{}, err
	case err != nil:
		return ops.APIResponse{}, failed(r.Connection, err)
	}
	return response(answer.StatusCode, body), nil
}

func (c *Caller) request(ctx context.Context, r ops.APIRequest) (*http.Request, error) {
	address := strings.TrimRight(r.Connection.BaseURL, "/") + r.Path
	if len(r.Query) > 0 {
		query := url.Values{}
		for name, v := range r.Query {
			query.Set(name, v)
		}
		address += "?" + query.Encode()
	}
	var body io.Reader
	if len(r.Body) > 0 {
		body = bytes.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address, body)
	if err != nil {
		return nil, &ops.CallError{Err: fmt.Errorf("the address %q is no URL", address)}
	}
	for name, v := range r.Connection.Headers {
		request.Header.Set(name, v)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Idempotency-Key", r.Key)
	request.Header.Set("User-Agent", "opsflow")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, c.authenticate(ctx, request, r.Connection)
}

func (c *Caller) authenticate(ctx context.Context, request *http.Request, to *ops.Connection) error {
	auth := to.Auth
	if auth == nil {
		return nil
	}
	secret, err := c.secret(ctx, auth.Secret)
	if err != nil {
		again := ops.ErrorCode(err) != ops.CodeNotFound
		return &ops.CallError{Again: again, Err: fmt.Errorf("read the secret of connection %s: %w", to.Name, err)}
	}
	switch auth.Type {
	case ops.AuthBearer:
		request.Header.Set("Authorization", "Bearer "+secret)
	case ops.AuthBasic:
		request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(auth.User+":"+secret)))
	case ops.AuthHeader:
		request.Header.Set(auth.Header, secret)
	}
	return nil
}

func (c *Caller) secret(ctx context.Context, name string) (string, error) {
	c.mu.Lock()
	s, ok := c.secrets[name]
	c.mu.Unlock()
	if now := c.Clock.Now(); ok && now.Sub(s.at) < keepSecret {
		return s.value, nil
	}
	value, err := c.Secrets.Secret(ctx, name)
	if err != nil {
		return "", err
	}
	value = strings.TrimSpace(value)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secrets == nil {
		c.secrets = map[string]known{}
	}
	c.secrets[name] = known{value, c.Clock.Now()}
	return value, nil
}

func (c *Caller) forget(to *ops.Connection) {
	if to.Auth != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.secrets, to.Auth.Secret)
	}
}

// failed is a call without an answer.
func failed(to *ops.Connection, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &ops.CallError{Again: !Forbidden(err), Err: fmt.Errorf("call %s: %w", to.Name, err)}
}

// shownAnswer is how much of a refusal people are shown.
const shownAnswer = 300

func (c *Caller) refused(to *ops.Connection, answer *http.Response, body []byte) error {
	text := strings.ToValidUTF8(string(body[:min(len(body), shownAnswer)]), "")
	if to.Auth != nil {
		if secret, err := c.secret(answer.Request.Context(), to.Auth.Secret); err == nil && secret != "" {
			text = strings.ReplaceAll(text, secret, "***") // some answer with what they were sent
		}
	}
	e := &ops.CallError{Status: answer.StatusCode, Err: fmt.Errorf("%s answered %s: %s", to.Name, answer.Status, text)}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		e.Again = true
	default:
		e.Again = answer.StatusCode >= 500
	}
	if e.Again {
		e.After = RetryAfter(answer.Header.Get("Retry-After"), c.Clock.Now())
	}
	return e
}

// RetryAfter reads how long an answer's Retry-After asks to wait from now (RFC 9110): seconds, or a date. 0: it does not say.
func RetryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

func response(status int, body []byte) ops.APIResponse {
	out := ops.APIResponse{Status: status}
	switch {
	case len(body) > ops.MaxAPIResponse:
		out.Large = true
	case len(body) == 0:
	case json.Valid(body):
		out.Body = body
	default:
		out.Body, _ = json.Marshal(strings.ToValidUTF8(string(body), "\uFFFD")) //nolint:errchkjson // a text
	}
	return out
}
