package issuer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"opsflow/shared/ops"
)

const (
	keysPath      = "/dev/jwks.json"
	tokenPath     = "/dev/token"
	authorizePath = "/dev/authorize"
)

// ServeHTTP serves what a verifier asks of an issuer, and the tokens:
//
//	GET /.well-known/openid-configuration
//	GET /dev/jwks.json
//	GET /dev/token?user=NAME&groups=A,B   absent: the admin; without groups, the identity's own
//	GET /dev/authorize?...                the sign-in page of the code flow: one identity per role
//	POST /dev/token                       a code, for tokens
//	GET /dev/identities
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// Serves reports whether there is something for a request here.
func (i *Issuer) Serves(r *http.Request) bool {
	_, pattern := i.mux.Handler(r)
	return pattern != ""
}

// Knows reports whether a path leads to something here, with a GET.
func (i *Issuer) Knows(path string) bool {
	return i.Serves(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
}

func (i *Issuer) routes() {
	i.mux.HandleFunc("GET /.well-known/openid-configuration", i.serveMetadata)
	i.mux.HandleFunc("GET "+keysPath, func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.public}})
	})
	i.mux.HandleFunc("GET "+tokenPath, i.serveToken)
	i.mux.HandleFunc("POST "+tokenPath, i.serveExchange)
	i.mux.HandleFunc("GET "+authorizePath, i.serveAuthorize)
	i.mux.HandleFunc("GET "+authorizePath+".css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = io.WriteString(w, authorizeCSS) // the visitor has gone if this fails
	})
	i.mux.HandleFunc("GET /dev/identities", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string][]Identity{"items": Identities()})
	})
}

// serveMetadata is OpenID Connect Discovery 1.0, as far as a verifier of tokens and a client of the code flow need it.
func (i *Issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer":                                i.URL,
		"jwks_uri":                              i.URL + keysPath,
		"authorization_endpoint":                i.URL + authorizePath,
		"token_endpoint":                        i.URL + tokenPath,
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
	})
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	user := query.Get("user")
	if user == "" {
		user = Identities()[0].User
	}
	if !ops.ValidID(user) {
		write(w, http.StatusBadRequest, map[string]string{
			"error": "invalid_request", "error_description": "user must be 1 to 128 characters of A-Z a-z 0-9 . _ : -",
		})
		return
	}
	groups := i.groupsOf(user)
	if query.Has("groups") {
		groups = strings.FieldsFunc(query.Get("groups"), func(r rune) bool { return r == ',' || r == ' ' })
	}
	token, err := i.Token(user, groups)
	if err != nil {
		write(w, http.StatusInternalServerError, map[string]string{"error": "server_error", "error_description": err.Error()})
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(Lifetime.Seconds()),
	})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // these are texts and numbers; the caller has gone if this fails
}
