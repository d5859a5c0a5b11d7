package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Connection is a system outside that api_call steps may call. Templates name it and never an address, so that who writes a
// template can neither reach another system nor see a secret.
type Connection struct {
	Meta
	Name    string `json:"name"`
	BaseURL string `json:"base_url"` // "https://payments.example/v2": the paths of calls are below it
	// AllowedHosts are the hosts that a redirect may lead to, besides the base URL's own.
	AllowedHosts []string `json:"allowed_hosts,omitempty"`
	// Auth is how requests say who they come from; absent: they don't.
	Auth *ConnectionAuth `json:"auth,omitempty"`
	// Headers are sent with each request.
	Headers map[string]string `json:"headers,omitempty"`
	// Timeout is how long one request may take; absent: DefaultCallTimeout.
	Timeout   Duration `json:"timeout,omitzero"`
	UpdatedBy string   `json:"updated_by,omitempty"`
}

// ConnectionAuth is how a connection's requests are authenticated.
type ConnectionAuth struct {
	Type   AuthType `json:"type"`
	Secret string   `json:"secret"`           // the name under which the secret is kept; never the secret itself
	Header string   `json:"header,omitempty"` // header: which one
	User   string   `json:"user,omitempty"`   // basic
}

// AuthType says where the secret goes.
type AuthType string

// The kinds of authentication.
const (
	AuthBearer AuthType = "bearer" // Authorization: Bearer SECRET
	AuthBasic  AuthType = "basic"  // Authorization: Basic USER:SECRET
	AuthHeader AuthType = "header" // HEADER: SECRET
)

// Limits of a connection and its calls.
const (
	DefaultCallTimeout = 10 * time.Second
	MaxCallTimeout     = 20 * time.Second // run-steps has a minute, in which more may happen
	maxHeaders         = 20
	maxURL             = 500
)

// Ref names the record.
func (c *Connection) Ref() Ref { return Ref{KindConnection, c.Name} }

// Faults tells everything that is wrong with a connection.
func (c *Connection) Faults() []Fault {
	k := &checker{}
	k.require(isTemplateName(c.Name), "$.name", "1 to 50 characters of a-z 0-9 _, a letter first", c.Name)
	u, err := url.Parse(c.BaseURL)
	k.require(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" &&
		u.Fragment == "" && len(c.BaseURL) <= maxURL, "$.base_url", "an https URL without user, query and fragment", c.BaseURL)
	for i, h := range c.AllowedHosts {
		k.require(h != "" && !strings.ContainsAny(h, "/:@ *"), fmt.Sprintf("$.allowed_hosts[%d]", i), "the name of a host", h)
	}
	k.require(c.Timeout.IsZero() || !c.Timeout.Business && c.Timeout.D >= time.Second && c.Timeout.D <= MaxCallTimeout,
		"$.timeout", "clock time, 1s to "+Duration{D: MaxCallTimeout}.String(), c.Timeout.String())
	k.require(len(c.Headers) <= maxHeaders, "$.headers", fmt.Sprintf("at most %d headers", maxHeaders), strconv.Itoa(len(c.Headers)))
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		k.require(isHeader(name) && !reservedHeader(name) && oneLine(c.Headers[name]), "$.headers."+name,
			"a header of one line that neither authenticates nor frames a request", name)
	}
	if a := c.Auth; a != nil {
		k.auth(a)
	}
	return k.faults
}

func (c *checker) auth(a *ConnectionAuth) {
	member(c, "$.auth.type", a.Type, []AuthType{AuthBearer, AuthBasic, AuthHeader})
	c.require(isSecretName(a.Secret), "$.auth.secret", "the name of a secret: 1 to 100 characters of a-z 0-9 - _ /", "")
	c.require((a.Type == AuthHeader) == (a.Header != ""), "$.auth.header", "given for type header, and only then", a.Header)
	c.require(a.Header == "" || isHeader(a.Header), "$.auth.header", "the name of a header", a.Header)
	c.require((a.Type == AuthBasic) == (a.User != ""), "$.auth.user", "given for type basic, and only then", a.User)
}

func isSecretName(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_/") == "" && s[0] != '/'
}

func isHeader(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// reservedHeader reports whether a header is ours to set.
func reservedHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "connection", "content-length", "content-type", "cookie", "host", "idempotency-key", "transfer-encoding":
		return true
	}
	return false
}

// ConnectionStore keeps connections.
type ConnectionStore interface {
	// Connection reads one, consistently. CodeNotFound.
	Connection(ctx context.Context, name string) (*Connection, error)
	// Connections reads all of them, consistently, ordered by name.
	Connections(ctx context.Context) ([]*Connection, error)
}

// APICall is the action of an api_call step.
type APICall struct {
	Connection string `json:"connection"`
	Method     string `json:"method"` // GET, POST, PUT, PATCH, DELETE
	// Path is below the connection's base URL. "{name}" in it stands for the step's parameter of that name.
	Path  string                     `json:"path"`
	Query map[string]json.RawMessage `json:"query,omitempty"` // texts, numbers or paths to them
	Body  json.RawMessage            `json:"body,omitempty"`  // JSON; texts that begin with "$." are paths
}

// APIRequest is one request of a connection.
type APIRequest struct {
	Connection *Connection
	Method     string
	Path       string // escaped
	Query      map[string]string
	Body       json.RawMessage // absent: none
	// Key is the same however often the request is sent; it goes out as Idempotency-Key.
	Key string
}

// APIResponse is an answer with a status from 200 to 299.
type APIResponse struct {
	Status int
	Body   json.RawMessage // JSON; a text when the answer was none; absent when there was none or it is over MaxAPIResponse
	Large  bool            // it was
}

// MaxAPIResponse is how much of an answer is kept, in bytes.
const MaxAPIResponse = 48 << 10

// CallError says why a call came to nothing.
type CallError struct {
	Status int           // 0: there was no answer
	Again  bool          // it may come to something when it is tried again
	After  time.Duration // not earlier than this, as the answer says
	Err    error
}

func (e *CallError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *CallError) Unwrap() error { return e.Err }

// Caller calls systems outside.
type Caller interface {
	// Call sends a request. The error is a *CallError.
	Call(ctx context.Context, r APIRequest) (APIResponse, error)
}

// Secrets gives what connections authenticate with.
type Secrets interface {
	// Secret reads one. CodeNotFound.
	Secret(ctx context.Context, name string) (string, error)
}
