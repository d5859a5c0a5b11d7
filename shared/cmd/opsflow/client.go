package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"opsflow/shared/ops"
)

const (
	requestTimeout = 30 * time.Second
	// tries is how often a request is sent whose answer was lost, or that is still being carried out. Its key lets it be done
	// once; pause is how long the client waits before the second time, and twice as long each time after.
	tries     = 5
	pause     = 250 * time.Millisecond
	maxAnswer = 64 << 20 // bytes; a page of 100 of the largest records is far below
)

// client speaks to the HTTP API. It is safe for concurrent use.
type client struct {
	base  *url.URL
	given string // the operator's token; empty: the local runtime is asked for one
	http  *http.Client
	// random makes the keys of requests that are given none; nil: they have none.
	random io.Reader
	clock  ops.Clock
	// aside begins something that is not to be counted, and gives what ends it; nil: nothing counts.
	aside func() (done func())

	mu    sync.Mutex
	admin string // what the local runtime gave; guarded by mu
}

// newClient makes a client of the API at base. Without a token, an API on this machine is asked for its admin's.
func newClient(base, token string) (*client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--api (OPSFLOW_API) must be a URL like http://127.0.0.1:3000, got %q", base)
	}
	return &client{base: u, given: token, random: rand.Reader, clock: ops.SystemClock{}, http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: summaryWorkers,
	}}}, nil
}

// close lets go of the connections.
func (c *client) close() { c.http.CloseIdleConnections() }

// get reads a path like "/v1/tasks". The answer is the API's JSON as it came.
func (c *client) get(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	if c.aside != nil {
		defer c.aside()()
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.call(ctx, http.MethodGet, path, nil, "")
}

// post sends a JSON body; key makes sending it again the same request. Without one it gets its own, which is as good
// until the answer has come.
func (c *client) post(ctx context.Context, path string, body any, key string) (json.RawMessage, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, b, key)
}

// postText sends JSON that somebody wrote, as it is: finding its faults is the API's to do.
func (c *client) postText(ctx context.Context, path string, text []byte) (json.RawMessage, error) {
	return c.call(ctx, http.MethodPost, path, text, "")
}

// call does one request with the token. What the API refuses comes back as an *ops.Error with its code and its faults.
func (c *client) call(ctx context.Context, method, path string, body []byte, key string) (json.RawMessage, error) {
	if method == http.MethodPost && key == "" && c.random != nil {
		var err error
		if key, err = ops.RandomID("", c.random); err != nil {
			return nil, fmt.Errorf("make the request's key: %w", err)
		}
	}
	if c.given != "" {
		answer, err := c.sendUntilAnswered(ctx, method, path, c.given, body, key)
		if ops.ErrorCode(err) == ops.CodeUnauthenticated {
			err = fmt.Errorf("OPSFLOW_TOKEN (--token): %w", err)
		}
		return answer, err
	}
	token, err := c.adminToken(ctx, "")
	if err != nil {
		return nil, err
	}
	answer, err := c.sendUntilAnswered(ctx, method, path, token, body, key)
	if ops.ErrorCode(err) != ops.CodeUnauthenticated {
		return answer, err
	}
	if token, err = c.adminToken(ctx, token); err != nil { // the first has expired: a watch can take days
		return nil, err
	}
	return c.sendUntilAnswered(ctx, method, path, token, body, key)
}

// sendUntilAnswered sends a request that has a key again when nobody knows what became of it.
func (c *client) sendUntilAnswered(ctx context.Context, method, path, token string, body []byte, key string) (json.RawMessage, error) {
	for try := 0; ; try++ {
		answer, err := c.send(ctx, method, path, token, body, key)
		unknown := errors.Is(err, errLost) || ops.ErrorCode(err) == ops.CodeInProgress
		if key == "" || !unknown || try == tries-1 {
			return answer, err
		}
		if err := c.clock.Sleep(ctx, pause<<try); err != nil {
			return nil, err
		}
	}
}

// errLost is in the error of a request that was sent and not answered.
var errLost = errors.New("the answer was lost")

// adminToken is the local runtime's token for its admin, another one than stale.
func (c *client) adminToken(ctx context.Context, stale string) (string, error) {
	if !loopback(c.base.Hostname()) {
		return "", ops.Errorf(ops.CodeUnauthenticated, "OPSFLOW_TOKEN is not set, and the API at %s is not on this machine", c.base)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.admin != stale {
		return c.admin, nil
	}
	token, err := c.lend(ctx, "", "")
	if err != nil {
		return "", err
	}
	if token == "" {
		return "", ops.Errorf(ops.CodeUnauthenticated, "OPSFLOW_TOKEN is not set, and the API at %s gives none: it is no local runtime", c.base)
	}
	c.admin = token
	return c.admin, nil
}

// lend asks the local runtime for the token of an identity (empty: its admin's); empty when the API is no local runtime.
func (c *client) lend(ctx context.Context, user, groups string) (string, error) {
	if !loopback(c.base.Hostname()) {
		return "", nil
	}
	answer, err := c.send(ctx, http.MethodGet, "/dev/token?"+query("user", user, "groups", groups).Encode(), "", nil, "")
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var made struct {
		AccessToken string `json:"access_token"`
	}
	err = decode(answer, &made)
	return made.AccessToken, err
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (c *client) send(ctx context.Context, method, path, token string, body []byte, key string) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("%s %s: the answer is over %d bytes", method, path, maxAnswer)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return nil, refusal(res, answer)
	}
	if res.Header.Get("Content-Type") != "application/x-ndjson" && !json.Valid(answer) {
		return nil, fmt.Errorf("%s %s: the answer is no JSON: is %s the API of opsflow?", method, path, c.base)
	}
	return answer, nil
}

// unreachable says in a line that there is no API, and why.
func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); !ok || e.Op != "dial" {
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	return ops.Errorf(ops.CodeUnavailable, "the API at %s does not answer (is `opsflow dev` running? OPSFLOW_API names another): %w",
		c.base, err)
}

// refusal is the error that an answer tells: problem+json where it comes from opsflow, else what the status says.
func refusal(res *http.Response, answer []byte) error {
	var p struct {
		Code      ops.Code    `json:"code"`
		Detail    string      `json:"detail"`
		RequestID string      `json:"request_id"`
		Errors    []ops.Fault `json:"errors"`
	}
	if t, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); t != "application/problem+json" ||
		json.Unmarshal(answer, &p) != nil || p.Code == "" {
		if res.StatusCode >= http.StatusInternalServerError { // from what stands before the API, which may be at it still
			return ops.Errorf(ops.CodeUnavailable, "%s %s: %s: %w", res.Request.Method, res.Request.URL.Path, res.Status, errLost)
		}
		return ops.Errorf(codeOf(res.StatusCode), "%s %s: %s", res.Request.Method, res.Request.URL.Path, res.Status)
	}
	if p.Code == ops.CodeInternal && p.RequestID != "" {
		p.Detail += " (request_id " + p.RequestID + ")"
	}
	return &apiError{&ops.Error{Code: p.Code, Message: p.Detail, Faults: p.Errors}, answer}
}

// apiError is an error that the API told, with its problem document as it came.
type apiError struct {
	says     *ops.Error
	document json.RawMessage
}

func (r *apiError) Error() string { return r.says.Error() }

// Unwrap gives what the document says.
func (r *apiError) Unwrap() error { return r.says }

// codeOf is the code for a status that something in front of opsflow answered with.
func codeOf(status int) ops.Code {
	switch status {
	case http.StatusUnauthorized:
		return ops.CodeUnauthenticated
	case http.StatusForbidden:
		return ops.CodeForbidden
	case http.StatusNotFound:
		return ops.CodeNotFound
	case http.StatusConflict:
		return ops.CodeConflict
	case http.StatusRequestEntityTooLarge:
		return ops.CodeTooLarge
	case http.StatusTooManyRequests:
		return ops.CodeThrottled
	}
	return ops.CodeUnavailable
}

// decode reads an answer of the API.
func decode(answer json.RawMessage, v any) error {
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}

// query makes the parameters of a list of pairs of name and value, without those that are empty.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
