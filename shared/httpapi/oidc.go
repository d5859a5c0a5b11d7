package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"opsflow/shared/ops"
)

// OIDCConfig says whose access tokens are good.
type OIDCConfig struct {
	// Issuer is the issuer's URL, exactly as tokens name it; its keys are found from /.well-known/openid-configuration.
	Issuer string
	// ClientIDs are the applications whose tokens are accepted: a token's client_id or one of its aud must be here.
	ClientIDs  []string
	HTTPClient *http.Client     // nil: http.DefaultClient
	Now        func() time.Time // nil: time.Now
}

// OIDC verifies access tokens of one issuer (Cognito user pools among them). It is safe for concurrent use.
type OIDC struct {
	config OIDCConfig

	mu   sync.Mutex
	keys oidc.KeySet // nil until the issuer was first asked for them
}

// NewOIDC makes a Verifier. It asks the issuer nothing yet: that waits for the first token, so that a cold start is not
// slower by it, and is tried again with the next token when it fails. Without client ids no token is good.
func NewOIDC(c OIDCConfig) *OIDC {
	if c.HTTPClient == nil {
		c.HTTPClient = http.DefaultClient
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &OIDC{config: c}
}

// claims are what we read of a token, beside what go-oidc checks.
type claims struct {
	Subject       string    `json:"sub"`
	Name          string    `json:"name"`
	Username      string    `json:"username"` // Cognito's
	ClientID      string    `json:"client_id"`
	TokenUse      string    `json:"token_use"` // Cognito's: access or id
	Groups        groupList `json:"groups"`
	CognitoGroups groupList `json:"cognito:groups"`
}

// Verify implements Verifier: signature (RS256 or ES256), issuer, expiry, kind and client of the token. The actor is the
// token's sub, with the teams that its groups name; groups that are no team of ours mean nothing.
func (o *OIDC) Verify(ctx context.Context, bearer string) (ops.Actor, error) {
	keys, err := o.keySet(ctx)
	if err != nil {
		return ops.Actor{}, unavailable(err)
	}
	asked := &askedKeys{KeySet: keys}
	verifier := oidc.NewVerifier(o.config.Issuer, asked, &oidc.Config{
		SkipClientIDCheck:    true, // a Cognito access token has client_id and no aud: checked below
		SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
		Now:                  o.config.Now,
	})
	token, err := verifier.Verify(ctx, bearer)
	if asked.unanswered != nil {
		return ops.Actor{}, unavailable(asked.unanswered)
	}
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return ops.Actor{}, ops.Errorf(ops.CodeUnauthenticated, "the access token has expired")
	}
	if err != nil {
		return ops.Actor{}, ops.Errorf(ops.CodeUnauthenticated, "the access token is not valid")
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return ops.Actor{}, ops.Errorf(ops.CodeUnauthenticated, "the access token's claims can't be read")
	}
	if err := o.check(token, c); err != nil {
		return ops.Actor{}, err
	}
	return actorFrom(c), nil
}

func (o *OIDC) check(token *oidc.IDToken, c claims) error {
	if c.TokenUse != "" && c.TokenUse != "access" {
		return ops.Errorf(ops.CodeUnauthenticated, "this is an %s token; an access token is needed", c.TokenUse)
	}
	ours := func(client string) bool { return slices.Contains(o.config.ClientIDs, client) }
	if !ours(c.ClientID) && !slices.ContainsFunc(token.Audience, ours) {
		return ops.Errorf(ops.CodeUnauthenticated, "the access token is for another application")
	}
	if c.Subject == "" {
		return ops.Errorf(ops.CodeUnauthenticated, "the access token names nobody")
	}
	return nil
}

func actorFrom(c claims) ops.Actor {
	actor := ops.Actor{ID: c.Subject, Name: c.Name}
	if actor.Name == "" {
		actor.Name = c.Username
	}
	groups := c.Groups
	if groups == nil {
		groups = c.CognitoGroups
	}
	for _, g := range groups {
		if team, ok := ops.ParseTeam(g); ok && !slices.Contains(actor.Teams, team) {
			actor.Teams = append(actor.Teams, team)
		}
	}
	return actor
}

// keySet finds where the issuer's keys are, once. The set itself then fetches and keeps them.
func (o *OIDC) keySet(ctx context.Context) (oidc.KeySet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys != nil {
		return o.keys, nil
	}
	ctx = oidc.ClientContext(ctx, o.config.HTTPClient)
	provider, err := oidc.NewProvider(ctx, o.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the issuer %s for its keys: %w", o.config.Issuer, err)
	}
	var metadata struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, fmt.Errorf("read what the issuer %s says of itself: %w", o.config.Issuer, err)
	}
	o.keys = oidc.NewRemoteKeySet(context.WithoutCancel(ctx), metadata.KeysURL) // it outlives this request
	return o.keys, nil
}

// unavailable tells the caller that the issuer did not answer, and the log why.
func unavailable(cause error) error {
	return fmt.Errorf("%w: %w", ops.Errorf(ops.CodeUnavailable, "access tokens can't be verified now"), cause)
}

// askedKeys tells a signature that is wrong from keys that could not be fetched, which go-oidc's verifier makes one text.
type askedKeys struct {
	oidc.KeySet
	unanswered error
}

// VerifySignature implements oidc.KeySet.
func (k *askedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys ") {
		k.unanswered = err
	}
	return payload, err
}

// groupList is a claim that some issuers write as a list and some as one text.
type groupList []string

// UnmarshalJSON reads either form; anything else is no groups.
func (g *groupList) UnmarshalJSON(b []byte) error {
	var many []string
	if json.Unmarshal(b, &many) == nil {
		*g = many
		return nil
	}
	var one string
	if json.Unmarshal(b, &one) == nil {
		*g = strings.FieldsFunc(one, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return nil
}
