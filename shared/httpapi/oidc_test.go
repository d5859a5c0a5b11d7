package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

// signer is an issuer whose tokens can say anything.
type signer struct {
	url     string
	ec      *ecdsa.PrivateKey
	rsa     *rsa.PrivateKey
	down    atomic.Bool
	keysOff atomic.Bool
	asked   atomic.Int32
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{ec: ec, rsa: rs}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		if s.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": s.url, "jwks_uri": s.url + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		if s.keysOff.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"},
			{Key: rs.Public(), KeyID: "rsa", Algorithm: "RS256", Use: "sig"},
		}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	by, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := by.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func unsigned(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"none"}`)) + "." + enc.EncodeToString(payload) + "."
}

func TestOnlyGoodAccessTokensAreAccepted(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSigner(t)
	v := httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: s.url, ClientIDs: []string{"web", "cli"}, Now: c.Now})
	other := newSigner(t)

	// with gives a good token's claims, changed.
	with := func(changes map[string]any) map[string]any {
		claims := map[string]any{
			"iss": s.url, "sub": "u-1", "client_id": "web", "token_use": "access",
			"exp": c.Now().Add(time.Hour).Unix(), "iat": c.Now().Unix(),
		}
		for name, value := range changes {
			if value == nil {
				delete(claims, name)
				continue
			}
			claims[name] = value
		}
		return claims
	}
	ec := func(changes map[string]any) string { return sign(t, jose.ES256, s.ec, "ec", with(changes)) }
	whole := ec(nil)
	for name, test := range map[string]struct {
		token string
		good  bool
	}{
		"ES256":                    {whole, true},
		"RS256":                    {sign(t, jose.RS256, s.rsa, "rsa", with(nil)), true},
		"client in aud":            {ec(map[string]any{"client_id": nil, "aud": []string{"x", "cli"}}), true},
		"one aud as text":          {ec(map[string]any{"client_id": nil, "aud": "cli"}), true},
		"no token_use":             {ec(map[string]any{"token_use": nil}), true},
		"ID token":                 {ec(map[string]any{"token_use": "id"}), false},
		"other client":             {ec(map[string]any{"client_id": "game"}), false},
		"no client":                {ec(map[string]any{"client_id": nil}), false},
		"no sub":                   {ec(map[string]any{"sub": nil}), false},
		"other issuer's name":      {ec(map[string]any{"iss": other.url}), false},
		"other issuer's key":       {sign(t, jose.ES256, other.ec, "ec", with(nil)), false},
		"unknown key id":           {sign(t, jose.ES256, other.ec, "new", with(nil)), false},
		"expired":                  {ec(map[string]any{"exp": c.Now().Add(-time.Second).Unix()}), false},
		"no expiry":                {ec(map[string]any{"exp": nil}), false},
		"not yet":                  {ec(map[string]any{"nbf": c.Now().Add(time.Hour).Unix()}), false},
		"unsigned":                 {unsigned(t, with(nil)), false},
		"HS256 by the public key":  {sign(t, jose.HS256, elliptic.MarshalCompressed(elliptic.P256(), s.ec.X, s.ec.Y), "ec", with(nil)), false},
		"RS512":                    {sign(t, jose.RS512, s.rsa, "rsa", with(nil)), false},
		"changed after signing":    {whole[:len(whole)-4] + "AAAA", false},
		"nonsense":                 {"nonsense", false},
		"payload of another token": {swapPayload(whole, ec(map[string]any{"sub": "root"})), false},
	} {
		actor, err := v.Verify(t.Context(), test.token)
		if test.good && (err != nil || actor.ID != "u-1") || !test.good && ops.ErrorCode(err) != ops.CodeUnauthenticated {
			t.Errorf("%s: actor %+v, error %v", name, actor, err)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times where its keys are", n)
	}
}

func swapPayload(a, b string) string {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return x[0] + "." + y[1] + "." + x[2]
}

func TestGroupsBecomeTeams(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: s.url, ClientIDs: []string{"web"}})
	for name, test := range map[string]struct {
		claims map[string]any
		want   []ops.Team
	}{
		"any case":              {map[string]any{"groups": []string{"FINANCE", "quality_assurance"}}, []ops.Team{ops.Finance, ops.QualityAssurance}},
		"unknown ones ignored":  {map[string]any{"groups": []string{"sales", "Operations", "operations"}}, []ops.Team{ops.Operations}},
		"Cognito's":             {map[string]any{"cognito:groups": []string{"admin"}}, []ops.Team{ops.Admin}},
		"groups before Cognito": {map[string]any{"groups": []string{"finance"}, "cognito:groups": []string{"admin"}}, []ops.Team{ops.Finance}},
		"empty before Cognito":  {map[string]any{"groups": []string{}, "cognito:groups": []string{"admin"}}, nil},
		"one text":              {map[string]any{"groups": "finance operations"}, []ops.Team{ops.Finance, ops.Operations}},
		"of a strange kind":     {map[string]any{"groups": 7}, nil},
		"none":                  {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := map[string]any{"iss": s.url, "sub": "u-1", "client_id": "web", "exp": time.Now().Add(time.Hour).Unix()}
			for k, value := range test.claims {
				claims[k] = value
			}
			actor, err := v.Verify(t.Context(), sign(t, jose.ES256, s.ec, "ec", claims))
			if err != nil || !slices.Equal(actor.Teams, test.want) {
				t.Errorf("teams %v, want %v, error %v", actor.Teams, test.want, err)
			}
		})
	}
}

func TestAnIssuerThatDoesNotAnswerIsNotTheCallersFault(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: s.url, ClientIDs: []string{"web"}})
	token := sign(t, jose.ES256, s.ec, "ec", map[string]any{
		"iss": s.url, "sub": "u-1", "client_id": "web", "exp": time.Now().Add(time.Hour).Unix(),
	})
	s.down.Store(true)
	if _, err := v.Verify(t.Context(), token); ops.ErrorCode(err) != ops.CodeUnavailable {
		t.Errorf("without metadata: %v", err)
	}
	s.down.Store(false)
	s.keysOff.Store(true)
	if _, err := v.Verify(t.Context(), token); ops.ErrorCode(err) != ops.CodeUnavailable {
		t.Errorf("without keys: %v", err)
	}
	s.keysOff.Store(false)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("once it answers: %v", err)
	}
}

func TestTokensExpireByTheGivenClock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	headers := r.as(t, "ada", ops.Admin)
	var body listBody
	r.call(t, "GET", "/v1/tasks", "", headers...).ok(200, &body)
	if err := r.clock.Advance(t.Context(), 12*time.Hour+time.Second); err != nil {
		t.Fatal(err)
	}
	p := r.call(t, "GET", "/v1/tasks", "", headers...).problem(401, ops.CodeUnauthenticated)
	if !strings.Contains(p.Detail, "expired") {
		t.Errorf("detail %q", p.Detail)
	}
	for _, value := range []string{"Basic YTpi", "Bearer", "Bearer  ", "nonsense"} {
		r.call(t, "GET", "/v1/tasks", "", "Authorization", value).problem(401, ops.CodeUnauthenticated)
	}
}
