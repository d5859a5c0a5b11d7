package destination

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"opsflow/shared/connection"
)

// Timeout is how long an endpoint may take for its answer.
const Timeout = 5 * time.Second

// Doer is an http.Client, or one like it.
type Doer interface {
	Do(request *http.Request) (*http.Response, error)
}

// Caller calls endpoints. All fields are required; it is safe for concurrent use.
type Caller struct {
	// Client gives what calls an address. It decides which addresses may be called at all.
	Client func(address string, timeout time.Duration) Doer
	// Forbidden reports whether an error of a client says that: it is useless to call again.
	Forbidden func(err error) bool
	Now       func() time.Time

	mu     sync.Mutex
	tokens map[string]token // by connection ARN
}

// Target is what a rule's target says of the call. Values are those of the event already.
type Target struct {
	PathParameterValues   []string          `json:",omitempty"`
	HeaderParameters      map[string]string `json:",omitempty"`
	QueryStringParameters map[string]string `json:",omitempty"`
}

// Error is a call that came to nothing.
type Error struct {
	Code  string // as EventBridge names it in a dead letter
	Again bool   // whether it may help to call again
	After time.Duration
	Err   error
}

func (e *Error) Error() string { return "Unable to invoke ApiDestination endpoint: " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

const clientError = "SDK_CLIENT_ERROR"

// repeated are the answers after which EventBridge calls again, besides 5xx.
var repeated = []int{http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusConflict, http.StatusTooManyRequests}

// Call calls an endpoint with an event. The error is an *Error.
func (c *Caller) Call(ctx context.Context, to *Destination, by *Connection, with Target, event []byte) error {
	if by.State != "AUTHORIZED" {
		return &Error{Code: clientError, Err: fmt.Errorf("the connection %s is not authorized", by.Name)}
	}
	request, err := c.request(ctx, to, by, with, event)
	if err != nil {
		return err
	}
	answer, err := c.do(to.Endpoint, request)
	if err != nil {
		return &Error{Code: "CONNECTION_FAILURE", Again: !c.Forbidden(err), Err: fmt.Errorf("API destination endpoint cannot be reached: %w", err)}
	}
	defer answer.Body.Close()                                      //nolint:errcheck // nobody reads it
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)) // so that the connection can be used again
	status := answer.StatusCode
	if status < 300 {
		return nil
	}
	if status == http.StatusUnauthorized || status == http.StatusProxyAuthRequired {
		c.Forget(by.ARN)
	}
	failed := &Error{Code: clientError, Again: status >= 500 || slices.Contains(repeated, status), Err: fmt.Errorf("it answered %s", answer.Status)}
	if failed.Again {
		failed.After = connection.RetryAfter(answer.Header.Get("Retry-After"), c.Now())
	}
	return failed
}

// do sends a request. The error does not name the address: there may be secrets in it.
func (c *Caller) do(address string, request *http.Request) (*http.Response, error) {
	answer, err := c.Client(address, Timeout).Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	return answer, err
}

func (c *Caller) request(ctx context.Context, to *Destination, by *Connection, with Target, event []byte) (*http.Request, error) {
	own := by.Auth.InvocationHTTPParameters
	if own == nil {
		own = &HTTPParameters{}
	}
	address, err := addressOf(to.Endpoint, with, own)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if to.Method != http.MethodGet && to.Method != http.MethodHead && to.Method != http.MethodOptions {
		if event, err = withBody(event, own.BodyParameters); err != nil {
			return nil, err
		}
		body = bytes.NewReader(event)
	}
	request, err := http.NewRequestWithContext(ctx, to.Method, address, body)
	if err != nil {
		return nil, &Error{Code: "INVALID_PARAMETER", Err: err}
	}
	request.Header.Set("User-Agent", "Amazon/EventBridge/ApiDestinations")
	if body != nil {
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for name, value := range with.HeaderParameters {
		request.Header.Set(name, value)
	}
	for _, p := range own.HeaderParameters {
		request.Header.Set(p.Key, p.Value)
	}
	return request, c.authorize(ctx, request, by)
}

func (c *Caller) authorize(ctx context.Context, request *http.Request, by *Connection) error {
	switch by.Type {
	case Basic:
		request.SetBasicAuth(by.Auth.BasicAuthParameters.Username, by.Auth.BasicAuthParameters.Password)
	case APIKey:
		request.Header.Set(by.Auth.APIKeyAuthParameters.APIKeyName, by.Auth.APIKeyAuthParameters.APIKeyValue)
	case OAuth:
		t, err := c.token(ctx, by)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", t)
	}
	return nil
}

// addressOf puts path parameters in the place of the asterisks, and adds query parameters: those of the connection count.
func addressOf(endpoint string, with Target, own *HTTPParameters) (string, error) {
	path, rest := endpoint, ""
	if i := strings.IndexByte(endpoint, '?'); i >= 0 {
		path, rest = endpoint[:i], endpoint[i:]
	}
	for _, value := range with.PathParameterValues {
		path = strings.Replace(path, "*", url.PathEscape(value), 1)
	}
	u, err := url.Parse(path + rest)
	if err != nil {
		return "", &Error{Code: "INVALID_PARAMETER", Err: err}
	}
	query := u.Query()
	for name, value := range with.QueryStringParameters {
		query.Set(name, value)
	}
	for _, p := range own.QueryStringParameters {
		query.Set(p.Key, p.Value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// withBody adds members to an event that is an object.
func withBody(event []byte, parameters []Parameter) ([]byte, error) {
	if len(parameters) == 0 {
		return event, nil
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, &Error{Code: "INVALID_JSON", Err: fmt.Errorf("the connection's body parameters need a JSON object to go into: %w", err)}
	}
	for _, p := range parameters {
		object[p.Key] = p.Value
	}
	out, err := json.Marshal(object)
	if err != nil {
		return nil, &Error{Code: "INVALID_JSON", Err: err}
	}
	return out, nil
}
