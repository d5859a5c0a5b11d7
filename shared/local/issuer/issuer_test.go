package issuer_test

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/issuer"
	"opsflow/shared/ops"
)

type served struct {
	*issuer.Issuer
	url   string
	clock *clock.Clock
}

// serve runs an issuer; restart gives another one in its place.
func serve(t *testing.T, key []byte) (s *served, restart func(key []byte)) {
	t.Helper()
	s = &served{clock: clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.url = server.URL
	restart = func(key []byte) {
		t.Helper()
		var err error
		if s.Issuer, err = issuer.New(issuer.Config{URL: server.URL, ClientID: "local", Key: key, Clock: s.clock}); err != nil {
			t.Fatal(err)
		}
	}
	restart(key)
	return s, restart
}

func newKey(t *testing.T) []byte {
	t.Helper()
	key, err := issuer.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *served) get(t *testing.T, path string, status int, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != status {
		t.Fatalf("%s: status %d", path, res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

type token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
}

func (s *served) verifier() *httpapi.OIDC {
	return httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: s.url, ClientIDs: []string{"local"}, Now: s.clock.Now})
}

func TestTokensAreForTheUserAndGroupsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	v := s.verifier()
	for query, want := range map[string]ops.Actor{
		"":                                       {ID: "admin", Teams: []ops.Team{ops.Admin}},
		"?user=finance":                          {ID: "finance", Teams: []ops.Team{ops.Finance}},
		"?user=ada&groups=operations,Finance":    {ID: "ada", Teams: []ops.Team{ops.Operations, ops.Finance}},
		"?user=finance&groups=quality_assurance": {ID: "finance", Teams: []ops.Team{ops.QualityAssurance}},
		"?user=finance&groups=":                  {ID: "finance"},
		"?user=ven-1":                            {ID: "ven-1"},
		"?user=eve&groups=sales":                 {ID: "eve"},
		"?groups=vendor_management":              {ID: "admin", Teams: []ops.Team{ops.VendorManagement}},
	} {
		var got token
		s.get(t, "/dev/token"+query, 200, &got)
		if got.TokenType != "Bearer" || got.ExpiresIn != 12*3600 {
			t.Errorf("%s: %+v", query, got)
		}
		actor, err := v.Verify(t.Context(), got.AccessToken)
		if err != nil || actor.ID != want.ID || !slices.Equal(actor.Teams, want.Teams) {
			t.Errorf("%s: actor %+v, error %v", query, actor, err)
		}
	}
	var refusal map[string]string
	s.get(t, "/dev/token?user=a%20b", 400, &refusal)
	if refusal["error"] != "invalid_request" {
		t.Errorf("%v", refusal)
	}
}

func TestThereIsAnIdentityPerRole(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	var list struct{ Items []issuer.Identity }
	s.get(t, "/dev/identities", 200, &list)
	var teams []ops.Team
	for _, id := range list.Items {
		for _, g := range id.Groups {
			team, ok := ops.ParseTeam(g)
			if !ok {
				t.Errorf("%s has the unknown group %s", id.User, g)
			}
			teams = append(teams, team)
		}
	}
	if want := append([]ops.Team{ops.Admin}, ops.Teams()...); !slices.Equal(teams, want) {
		t.Errorf("teams %v, want %v", teams, want)
	}
}

func TestTokensOutliveARestartWithTheSameKey(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s, restart := serve(t, key)
	access, err := s.Token("ada", []string{"admin"})
	if err != nil {
		t.Fatal(err)
	}
	restart(key)
	if _, err := s.verifier().Verify(t.Context(), access); err != nil {
		t.Errorf("with the same key: %v", err)
	}
	restart(newKey(t))
	if _, err := s.verifier().Verify(t.Context(), access); ops.ErrorCode(err) != ops.CodeUnauthenticated {
		t.Errorf("with another key: %v", err)
	}
}

func TestTokensAreGoodForTwelveHoursOfTheClock(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	v := s.verifier()
	access, err := s.Token("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.clock.Advance(t.Context(), issuer.Lifetime); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), access); err != nil {
		t.Errorf("at the end: %v", err)
	}
	if err := s.clock.Advance(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), access); ops.ErrorCode(err) != ops.CodeUnauthenticated {
		t.Errorf("after it: %v", err)
	}
}

func TestAKeyThatIsNoneOfOursIsRefused(t *testing.T) {
	t.Parallel()
	for name, key := range map[string][]byte{
		"none":      nil,
		"not PEM":   []byte("key"),
		"not a key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
	} {
		if _, err := issuer.New(issuer.Config{Key: key, Clock: clock.Real()}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheKeySetHoldsNoPrivateKey(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	var set struct{ Keys []map[string]any }
	s.get(t, "/dev/jwks.json", 200, &set)
	if len(set.Keys) != 1 || set.Keys[0]["d"] != nil || set.Keys[0]["kty"] != "EC" || set.Keys[0]["alg"] != "ES256" {
		t.Errorf("%v", set.Keys)
	}
}
