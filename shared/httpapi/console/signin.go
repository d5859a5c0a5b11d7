package console

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"opsflow/shared/ops"
)

// SignIn says how visitors sign in: OpenID Connect's code flow with PKCE (RFC 7636), as a public client.
type SignIn struct {
	Issuer     string       // as tokens name it
	ClientID   string       // of the console; access tokens for it must be among those that the Verifier accepts
	SessionKey string       // a secret of at least 32 bytes that sessions are sealed with; empty: nobody can sign in
	HTTPClient *http.Client // to ask the issuer; nil: http.DefaultClient
	// Now is the time by which sessions end; nil: the Config's Clock. A local runtime, whose clock can be moved by days,
	// gives the machine's, so that this signs nobody out.
	Now func() time.Time
}

const (
	signInPath   = "/sign-in"
	callbackPath = "/sign-in/callback"
	signOutPath  = "/sign-out"
	// signInLife is how long somebody has to sign in at the issuer.
	signInLife = 10 * time.Minute
	// maxSession bounds a session, whatever the token's own end is.
	maxSession = 12 * time.Hour
)

// issuer is the OpenID provider, asked for its addresses when somebody first signs in.
type issuer struct {
	SignIn
	now      func() time.Time
	mu       sync.Mutex
	provider *oidc.Provider
}

func newIssuer(s SignIn, clock ops.Clock) *issuer {
	if s.HTTPClient == nil {
		s.HTTPClient = http.DefaultClient
	}
	return &issuer{SignIn: s, now: clock.Now}
}

// client gives the OAuth 2 client whose answers come to callback, and the verifier of its ID tokens.
func (i *issuer) client(ctx context.Context, callback string) (*oauth2.Config, *oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider == nil {
		// The provider keeps its context for fetching keys, and outlives this request.
		p, err := oidc.NewProvider(context.WithoutCancel(oidc.ClientContext(ctx, i.HTTPClient)), i.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ops.Errorf(ops.CodeUnavailable, "the identity provider does not answer; try again"), err)
		}
		i.provider = p
	}
	endpoint := i.provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has only its name; trying another way would use up the code
	config := &oauth2.Config{
		ClientID: i.ClientID, Endpoint: endpoint, RedirectURL: callback, Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
	return config, i.provider.Verifier(&oidc.Config{ClientID: i.ClientID, Now: i.now}), nil
}

// signingIn is what the console remembers of somebody whom it sent to the issuer.
type signingIn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE's
	To       string    `json:"to"`
	Until    time.Time `json:"until"`
}

func (c *Console) signInRoutes() {
	c.mux.HandleFunc("GET "+signInPath, c.beginSignIn)
	c.mux.HandleFunc("GET "+callbackPath, c.finishSignIn)
	c.mux.HandleFunc("POST "+signOutPath, c.signOut)
	c.mux.HandleFunc("GET "+signOutPath, func(w http.ResponseWriter, r *http.Request) {
		c.render(w, c.request(w, r), http.StatusOK, page{file: "signedout"}, nil)
	})
}

func callbackURL(r *http.Request) string {
	scheme := "http"
	if overTLS(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + callbackPath
}

// beginSignIn sends the visitor to the issuer.
func (c *Console) beginSignIn(w http.ResponseWriter, r *http.Request) {
	q := c.request(w, r)
	to, err := c.authorizeURL(w, q)
	if err != nil {
		c.fail(w, q, err)
		return
	}
	redirect(w, r, to)
}

func (c *Console) authorizeURL(w http.ResponseWriter, q *request) (string, error) {
	if c.seal == nil || c.SignIn.ClientID == "" {
		return "", ops.Errorf(ops.CodeUnavailable, "nobody can sign in yet: the console has no client id or no session key")
	}
	client, _, err := c.issuer.client(q.Context(), callbackURL(q.Request))
	if err != nil {
		return "", err
	}
	state, err := secret(c.Random)
	if err != nil {
		return "", err
	}
	nonce, err := secret(c.Random)
	if err != nil {
		return "", err
	}
	s := signingIn{
		State: state, Nonce: nonce, Verifier: oauth2.GenerateVerifier(), To: ownPath(q.FormValue("to")),
		Until: c.SignIn.Now().Add(signInLife),
	}
	sealed, err := c.seal.close(signInCookie, s)
	if err != nil {
		return "", err
	}
	setCookie(w, q.Request, signInCookie, sealed, signInLife)
	return client.AuthCodeURL(s.State, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier)), nil
}

// secret is a text that nobody can guess.
func secret(random io.Reader) (string, error) {
	text, err := ops.RandomID("", random)
	if err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	return text, nil
}

// ownPath keeps visitors here: anything but a path of ours is the dashboard.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsRune(to, '\\') || strings.HasPrefix(to, signInPath) || strings.HasPrefix(to, signOutPath) {
		return "/"
	}
	return to
}

// finishSignIn takes the visitor back from the issuer.
func (c *Console) finishSignIn(w http.ResponseWriter, r *http.Request) {
	q := c.request(w, r)
	s, to, err := c.exchange(q)
	dropCookie(w, r, signInCookie)
	if err != nil {
		c.fail(w, q, err)
		return
	}
	sealed, err := c.seal.close(sessionCookie, s)
	if err != nil {
		c.fail(w, q, err)
		return
	}
	setCookie(w, r, sessionCookie, sealed, s.Until.Sub(c.SignIn.Now()))
	redirect(w, r, to)
}

// exchange makes a session of the issuer's code. The access token says who it is and in which teams, checked as for the
// API; the ID token ties it to this browser's request, and says how long it lasts.
func (c *Console) exchange(q *request) (session, string, error) {
	var began signingIn
	if !c.read(q.Request, signInCookie, &began) || !c.SignIn.Now().Before(began.Until) {
		return session{}, "", ops.Errorf(ops.CodeUnauthenticated, "signing in took too long, or began in another browser; try again")
	}
	if subtle.ConstantTimeCompare([]byte(began.State), []byte(q.FormValue("state"))) != 1 {
		return session{}, "", ops.Errorf(ops.CodeUnauthenticated, "this answer belongs to another attempt to sign in; try again")
	}
	if refused := q.FormValue("error"); refused != "" {
		return session{}, "", ops.Errorf(ops.CodeUnauthenticated, "the identity provider refused: %.100s", refused)
	}
	client, verifier, err := c.issuer.client(q.Context(), callbackURL(q.Request))
	if err != nil {
		return session{}, "", err
	}
	ctx := oidc.ClientContext(q.Context(), c.issuer.HTTPClient)
	token, err := client.Exchange(ctx, q.FormValue("code"), oauth2.VerifierOption(began.Verifier))
	if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		return session{}, "", ops.Errorf(ops.CodeUnauthenticated, "the identity provider does not accept the code; try again")
	}
	if err != nil {
		return session{}, "", fmt.Errorf("%w: %w", ops.Errorf(ops.CodeUnavailable, "the identity provider does not answer; try again"), err)
	}
	actor, err := c.Verifier.Verify(ctx, token.AccessToken)
	if err != nil {
		return session{}, "", err
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := verifier.Verify(ctx, raw)
	if err != nil || id.Subject != actor.ID ||
		subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(began.Nonce)) != 1 {
		return session{}, "", ops.Errorf(ops.CodeUnauthenticated, "the identity provider's answer is not valid; try again")
	}
	life := min(id.Expiry.Sub(c.Clock.Now()), maxSession) // tokens are dated by the clock
	return session{Actor: actor, Until: c.SignIn.Now().Add(life)}, began.To, nil
}

// signOut ends the session here; the issuer may still know the visitor.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	dropCookie(w, r, sessionCookie)
	redirect(w, r, signOutPath)
}
