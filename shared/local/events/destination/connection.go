// Package destination is EventBridge's API destinations: HTTP endpoints outside of AWS, with the connections that say how one
// gets in there, and the calls to them.
//
// The structs of connections and destinations have the JSON that EventBridge's API has.
package destination

import (
	"fmt"
	"slices"
	"time"

	"opsflow/shared/local/constraint"
)

// The kinds of authorisation.
const (
	Basic  = "BASIC"
	OAuth  = "OAUTH_CLIENT_CREDENTIALS"
	APIKey = "API_KEY"
)

// Connection says how one gets into an endpoint.
type Connection struct {
	Name        string
	ARN         string
	SecretARN   string
	Description string `json:",omitempty"`
	Type        string // BASIC, OAUTH_CLIENT_CREDENTIALS or API_KEY
	Auth        Auth
	State       string // AUTHORIZED or DEAUTHORIZED
	Created     time.Time
	Modified    time.Time
	Authorized  time.Time `json:",omitzero"`
}

// Auth has what a kind of authorisation needs, and parameters that go with every call.
type Auth struct {
	BasicAuthParameters      *BasicAuth      `json:",omitempty"`
	APIKeyAuthParameters     *APIKeyAuth     `json:"ApiKeyAuthParameters,omitempty"`
	OAuthParameters          *OAuthClient    `json:",omitempty"`
	InvocationHTTPParameters *HTTPParameters `json:"InvocationHttpParameters,omitempty"`
}

// BasicAuth is a user and a password.
type BasicAuth struct {
	Username string
	Password string `json:",omitempty"`
}

// APIKeyAuth is a header with a secret value.
type APIKeyAuth struct {
	APIKeyName  string `json:"ApiKeyName"`
	APIKeyValue string `json:"ApiKeyValue,omitempty"`
}

// OAuthClient asks an authorisation server for access tokens.
type OAuthClient struct {
	AuthorizationEndpoint string
	HTTPMethod            string `json:"HttpMethod"`
	ClientParameters      Client
	OAuthHTTPParameters   *HTTPParameters `json:"OAuthHttpParameters,omitempty"`
}

// Client is a client of an authorisation server.
type Client struct {
	ClientID     string
	ClientSecret string `json:",omitempty"`
}

// HTTPParameters are laid over those that a request has anyway.
type HTTPParameters struct {
	HeaderParameters      []Parameter `json:",omitempty"`
	QueryStringParameters []Parameter `json:",omitempty"`
	BodyParameters        []Parameter `json:",omitempty"`
}

// Parameter is a name with a value.
type Parameter struct {
	Key           string
	Value         string `json:",omitempty"`
	IsValueSecret bool
}

// Check gives what is wrong with a connection; "" when nothing is.
func (c *Connection) Check() string {
	var f constraint.Faults
	f.Name("name", c.Name, 64)
	f.Length("description", c.Description, 0, 512)
	f.Enum("authorizationType", c.Type, Basic, OAuth, APIKey)
	if o := c.Auth.OAuthParameters; o != nil {
		f.Required("authParameters.oAuthParameters.authorizationEndpoint", o.AuthorizationEndpoint)
		f.Required("authParameters.oAuthParameters.clientParameters.clientID", o.ClientParameters.ClientID)
		f.Enum("authParameters.oAuthParameters.httpMethod", o.HTTPMethod, "GET", "POST", "PUT")
	}
	if a := c.Auth.APIKeyAuthParameters; a != nil {
		f.Required("authParameters.apiKeyAuthParameters.apiKeyName", a.APIKeyName)
	}
	if a := c.Auth.BasicAuthParameters; a != nil {
		f.Required("authParameters.basicAuthParameters.username", a.Username)
	}
	if text := f.Text(); text != "" {
		return text
	}
	for _, kind := range []struct {
		name, member string
		given        bool
	}{
		{Basic, "BasicAuthParameters", c.Auth.BasicAuthParameters != nil},
		{APIKey, "ApiKeyAuthParameters", c.Auth.APIKeyAuthParameters != nil},
		{OAuth, "OAuthParameters", c.Auth.OAuthParameters != nil},
	} {
		if kind.given != (kind.name == c.Type) {
			must := "must be specified"
			if kind.given {
				must = "can't be specified"
			}
			return fmt.Sprintf("Parameter AuthParameters is not valid. Reason: %s %s for authorization type %s.", kind.member, must, c.Type)
		}
	}
	return ""
}

// Shown gives the authorisation without what is secret of it.
func (a Auth) Shown() Auth {
	if a.BasicAuthParameters != nil {
		a.BasicAuthParameters = &BasicAuth{Username: a.BasicAuthParameters.Username}
	}
	if a.APIKeyAuthParameters != nil {
		a.APIKeyAuthParameters = &APIKeyAuth{APIKeyName: a.APIKeyAuthParameters.APIKeyName}
	}
	if o := a.OAuthParameters; o != nil {
		a.OAuthParameters = &OAuthClient{
			o.AuthorizationEndpoint, o.HTTPMethod, Client{ClientID: o.ClientParameters.ClientID}, o.OAuthHTTPParameters.shown(),
		}
	}
	a.InvocationHTTPParameters = a.InvocationHTTPParameters.shown()
	return a
}

func (p *HTTPParameters) shown() *HTTPParameters {
	if p == nil {
		return nil
	}
	return &HTTPParameters{shown(p.HeaderParameters), shown(p.QueryStringParameters), shown(p.BodyParameters)}
}

func shown(list []Parameter) []Parameter {
	out := slices.Clone(list)
	for i := range out {
		if out[i].IsValueSecret {
			out[i].Value = ""
		}
	}
	return out
}

// Merge lays a change over the authorisation: what the change does not name stays.
func (a Auth) Merge(change Auth) Auth {
	if b := change.BasicAuthParameters; b != nil {
		merged := BasicAuth{}
		if a.BasicAuthParameters != nil {
			merged = *a.BasicAuthParameters
		}
		put(&merged.Username, b.Username)
		put(&merged.Password, b.Password)
		a.BasicAuthParameters, a.APIKeyAuthParameters, a.OAuthParameters = &merged, nil, nil
	}
	if k := change.APIKeyAuthParameters; k != nil {
		merged := APIKeyAuth{}
		if a.APIKeyAuthParameters != nil {
			merged = *a.APIKeyAuthParameters
		}
		put(&merged.APIKeyName, k.APIKeyName)
		put(&merged.APIKeyValue, k.APIKeyValue)
		a.BasicAuthParameters, a.APIKeyAuthParameters, a.OAuthParameters = nil, &merged, nil
	}
	if o := change.OAuthParameters; o != nil {
		merged := OAuthClient{}
		if a.OAuthParameters != nil {
			merged = *a.OAuthParameters
		}
		put(&merged.AuthorizationEndpoint, o.AuthorizationEndpoint)
		put(&merged.HTTPMethod, o.HTTPMethod)
		put(&merged.ClientParameters.ClientID, o.ClientParameters.ClientID)
		put(&merged.ClientParameters.ClientSecret, o.ClientParameters.ClientSecret)
		if o.OAuthHTTPParameters != nil {
			merged.OAuthHTTPParameters = o.OAuthHTTPParameters
		}
		a.BasicAuthParameters, a.APIKeyAuthParameters, a.OAuthParameters = nil, nil, &merged
	}
	if change.InvocationHTTPParameters != nil {
		a.InvocationHTTPParameters = change.InvocationHTTPParameters
	}
	return a
}

func put(to *string, value string) {
	if value != "" {
		*to = value
	}
}
