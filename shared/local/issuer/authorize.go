package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"opsflow/shared/ops"
)

// codeLife is how long a code can be exchanged.
const codeLife = time.Minute

// grant is what a code stands for.
type grant struct {
	user, redirectURI, challenge, nonce string
	until                               time.Time
}

//go:embed authorize.html
var authorizeHTML string

//go:embed authorize.css
var authorizeCSS string

var authorizePage = template.Must(template.New("authorize").Parse(authorizeHTML))

// serveAuthorize is the authorization endpoint (RFC 6749 4.1.1 with RFC 7636): the page that offers the identities, and,
// once one is chosen (user=...), the way back with a code. No password is asked: whoever reaches this machine may be anybody.
func (i *Issuer) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case err != nil || back.Host == "" || !ownHost(back.Host, r.Host, i.URL):
		oauthError(w, "invalid_request", "redirect_uri must be on this machine")
		return
	case q.Get("client_id") != i.ClientID:
		oauthError(w, "unauthorized_client", "client_id must be "+i.ClientID)
		return
	case q.Get("response_type") != "code" || q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		oauthError(w, "invalid_request", "only response_type=code with code_challenge_method=S256 is here")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if user := q.Get("user"); ops.ValidID(user) {
		answer := back.Query()
		answer.Set("code", i.newCode(grant{
			user: user, redirectURI: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce"),
			until: i.Clock.Now().Add(codeLife),
		}))
		answer.Set("state", q.Get("state"))
		back.RawQuery = answer.Encode()
		http.Redirect(w, r, back.String(), http.StatusSeeOther) //nolint:gosec // ownHost has looked at it
		return
	}
	type choice struct{ User, Role, Does, URL string }
	offer := func(ids []Identity) []choice {
		choices := make([]choice, len(ids))
		for n, id := range ids {
			q.Set("user", id.User)
			choices[n] = choice{
				User: id.User, Role: strings.ReplaceAll(id.Groups[0], "_", " "), Does: id.Does, URL: authorizePath + "?" + q.Encode(),
			}
		}
		return choices
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	_ = authorizePage.Execute(w, map[string][]choice{"House": offer(Identities()), "Vendors": offer(i.Vendors)}) // the visitor has gone if this fails
}

// ownHost keeps codes on this machine: they go to where the visitor is, or where the issuer is.
func ownHost(host, visited, issuer string) bool {
	u, err := url.Parse(issuer)
	return host == visited || err == nil && (host == u.Host || strings.HasPrefix(host, "localhost:") || strings.HasPrefix(host, "127.0.0.1:"))
}

func (i *Issuer) newCode(g grant) string {
	code := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	for old, of := range i.codes {
		if i.Clock.Now().After(of.until) {
			delete(i.codes, old)
		}
	}
	i.codes[code] = g
	return code
}

// takeCode gives what a code stands for, once.
func (i *Issuer) takeCode(code string) (grant, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	g, ok := i.codes[code]
	delete(i.codes, code)
	return g, ok && !i.Clock.Now().After(g.until)
}

// idClaims are an ID token's.
type idClaims struct {
	jwt.Claims
	Nonce    string `json:"nonce,omitempty"`
	TokenUse string `json:"token_use"`
	Name     string `json:"name"`
}

// serveExchange is the token endpoint of the code flow (RFC 6749 4.1.3): a code with its PKCE verifier, for tokens.
func (i *Issuer) serveExchange(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "authorization_code" {
		oauthError(w, "unsupported_grant_type", "only grant_type=authorization_code is here")
		return
	}
	g, ok := i.takeCode(r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if !ok || g.redirectURI != r.PostForm.Get("redirect_uri") || r.PostForm.Get("client_id") != i.ClientID ||
		subtle.ConstantTimeCompare([]byte(challenge), []byte(g.challenge)) != 1 {
		oauthError(w, "invalid_grant", "the code is not good: unknown, used, too old, or for another client")
		return
	}
	access, err := i.Token(g.user, i.groupsOf(g.user))
	if err != nil {
		write(w, http.StatusInternalServerError, map[string]string{"error": "server_error", "error_description": err.Error()})
		return
	}
	id, err := i.sign(idClaims{Claims: i.standard(g.user), Nonce: g.nonce, TokenUse: "id", Name: g.user})
	if err != nil {
		write(w, http.StatusInternalServerError, map[string]string{"error": "server_error", "error_description": err.Error()})
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, map[string]any{
		"access_token": access, "id_token": id, "token_type": "Bearer", "expires_in": int(Lifetime.Seconds()),
	})
}

func oauthError(w http.ResponseWriter, code, description string) {
	write(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": description})
}
