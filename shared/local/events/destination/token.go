package destination

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// token is an access token as the Authorization header has it.
type token struct {
	value string
	until time.Time // used no longer
}

const (
	// lasts is how long a token is used whose server does not say.
	lasts = 5 * time.Minute
	// early is how long before its end a token is renewed.
	early = 30 * time.Second
)

// token gives an access token of a connection (RFC 6749, section 4.4), kept until it ends or is refused.
func (c *Caller) token(ctx context.Context, by *Connection) (string, error) {
	c.mu.Lock()
	t, ok := c.tokens[by.ARN]
	c.mu.Unlock()
	if ok && c.Now().Before(t.until) {
		return t.value, nil
	}
	t, err := c.fetch(ctx, by.Auth.OAuthParameters)
	if err != nil {
		return "", &Error{Code: clientError, Again: !c.Forbidden(err), Err: fmt.Errorf("the connection %s got no access token: %w", by.Name, err)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tokens == nil {
		c.tokens = map[string]token{}
	}
	c.tokens[by.ARN] = t
	return t.value, nil
}

// Forget has the next call of a connection fetch a new token.
func (c *Caller) Forget(connectionARN string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tokens, connectionARN)
}

// tokenRequest asks for a token by RFC 6749, section 4.4.
func tokenRequest(ctx context.Context, o *OAuthClient) (*http.Request, error) {
	own := o.OAuthHTTPParameters
	if own == nil {
		own = &HTTPParameters{}
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {o.ClientParameters.ClientID}, "client_secret": {o.ClientParameters.ClientSecret},
	}
	for _, p := range own.BodyParameters {
		form.Set(p.Key, p.Value)
	}
	address, err := addressOf(o.AuthorizationEndpoint, Target{}, own)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if o.HTTPMethod == http.MethodGet {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		query := u.Query()
		for name, values := range form {
			query[name] = values
		}
		u.RawQuery = query.Encode()
		address = u.String()
	} else {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, o.HTTPMethod, address, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, p := range own.HeaderParameters {
		request.Header.Set(p.Key, p.Value)
	}
	return request, nil
}

// fetch gets a new token from the authorization endpoint.
func (c *Caller) fetch(ctx context.Context, o *OAuthClient) (token, error) {
	request, err := tokenRequest(ctx, o)
	if err != nil {
		return token{}, err
	}
	answer, err := c.do(o.AuthorizationEndpoint, request)
	if err != nil {
		return token{}, err
	}
	defer answer.Body.Close() //nolint:errcheck // what was read of it stays read
	if answer.StatusCode != http.StatusOK {
		return token{}, fmt.Errorf("the authorization endpoint answered %s", answer.Status)
	}
	var said struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&said); err != nil || said.AccessToken == "" {
		return token{}, fmt.Errorf("the authorization endpoint's answer has no access_token")
	}
	kind := said.TokenType
	if kind == "" || strings.EqualFold(kind, "bearer") {
		kind = "Bearer"
	}
	life := cmp.Or(time.Duration(said.ExpiresIn)*time.Second, lasts)
	return token{kind + " " + said.AccessToken, c.Now().Add(max(life-early, time.Second))}, nil
}
