// Package issuer is the OpenID Connect issuer of the local runtime: it gives an access token to whoever asks, for any user
// in any groups, and signs people in to the console as the identity that they choose. It exists for `opsflow dev` only, where it stands for a Cognito user pool.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Lifetime is how long a token is good, by the issuer's clock.
const Lifetime = 12 * time.Hour

const pemType = "PRIVATE KEY"

// Clock tells the time that tokens are dated by.
type Clock interface{ Now() time.Time }

// Config is what an issuer needs. Every field is needed.
type Config struct {
	URL      string // what it calls itself, where its Handler is served; without a slash at the end
	ClientID string // the application that its tokens are for
	Key      []byte // of NewKey; with the same key after a restart, earlier tokens stay good
	Clock    Clock
	Vendors  []Identity // that are offered at the sign-in beside the identities of the house
}

// Issuer signs access tokens, and serves them and what a verifier needs over HTTP. It is safe for concurrent use.
type Issuer struct {
	Config
	public jose.JSONWebKey
	signer jose.Signer
	mux    *http.ServeMux

	mu    sync.Mutex
	codes map[string]grant // of the code flow, until they are used
}

// NewKey makes a signing key (P-256), as PEM to keep over restarts.
func NewKey(random io.Reader) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the signing key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// New makes an issuer.
func New(c Config) (*Issuer, error) {
	key, err := parseKey(c.Key)
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("name the signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType("at+jwt"), // RFC 9068
	)
	if err != nil {
		return nil, fmt.Errorf("make a signer: %w", err)
	}
	i := &Issuer{Config: c, public: public, signer: signer, mux: http.NewServeMux(), codes: map[string]grant{}}
	i.routes()
	return i, nil
}

func parseKey(keyPEM []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil || block.Type != pemType {
		return nil, errors.New("it is not PEM of a " + pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("it is not an ECDSA key on P-256")
	}
	return key, nil
}

// claims are a token's: Cognito's names where Cognito has its own.
type claims struct {
	jwt.Claims
	ClientID string   `json:"client_id"`
	TokenUse string   `json:"token_use"`
	Name     string   `json:"name"`
	Groups   []string `json:"groups"`
}

// Token gives an access token for a user in groups, good for Lifetime.
func (i *Issuer) Token(user string, groups []string) (string, error) {
	if groups == nil {
		groups = []string{}
	}
	return i.sign(claims{
		Claims: i.standard(user), ClientID: i.ClientID, TokenUse: "access", Name: user, Groups: groups,
	})
}

// standard are the claims that every token has.
func (i *Issuer) standard(user string) jwt.Claims {
	now := i.Clock.Now()
	return jwt.Claims{
		Issuer: i.URL, Subject: user, Audience: jwt.Audience{i.ClientID},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(Lifetime)),
	}
}

func (i *Issuer) sign(c any) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write a token: %w", err)
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}
