package issuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	verifier = "a-verifier-that-nobody-else-knows-0123456789"
	back     = "http://127.0.0.1:3000/sign-in/callback"
)

// authorization is a good request of the code flow, with some parameters changed (pairs of name and value).
func authorization(changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"local"}, "response_type": {"code"}, "redirect_uri": {back}, "state": {"s1"}, "nonce": {"n1"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
	}
	return q
}

// authorize asks for a code; where is where the browser is sent.
func (s *served) authorize(t *testing.T, q url.Values) (status int, where *url.URL) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/dev/authorize?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	where, err = url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, where
}

// code signs in as finance.
func (s *served) code(t *testing.T) string {
	t.Helper()
	status, where := s.authorize(t, authorization("user", "finance"))
	code := where.Query().Get("code")
	if status != http.StatusSeeOther || !strings.HasPrefix(where.String(), back+"?") || code == "" || where.Query().Get("state") != "s1" {
		t.Fatalf("status %d, to %s", status, where)
	}
	return code
}

// exchange gives a code for tokens; err is the error's code.
func (s *served) exchange(t *testing.T, code string, changes ...string) (status int, access, id, refusal string) {
	t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {back}, "client_id": {"local"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/dev/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var got struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
		Error       string `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, got.AccessToken, got.IDToken, got.Error
}

func TestACodeIsGoodForTokensOnce(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	code := s.code(t)
	status, access, id, _ := s.exchange(t, code)
	actor, err := s.verifier().Verify(t.Context(), access)
	if status != http.StatusOK || err != nil || actor.ID != "finance" || len(actor.Teams) != 1 {
		t.Errorf("status %d, actor %+v, error %v", status, actor, err)
	}
	parts := strings.Split(id, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil || !strings.Contains(string(claims), `"nonce":"n1"`) || !strings.Contains(string(claims), `"aud":`) {
		t.Errorf("the ID token says %s (%v)", claims, err)
	}
	if status, _, _, refusal := s.exchange(t, code); status != http.StatusBadRequest || refusal != "invalid_grant" {
		t.Errorf("a second time: %d %s", status, refusal)
	}
}

func TestACodeIsRefusedToAnybodyElse(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	for name, changes := range map[string][]string{
		"another verifier": {"code_verifier", "guessed"},
		"no verifier":      {"code_verifier", ""},
		"another redirect": {"redirect_uri", back + "/x"},
		"another client":   {"client_id", "other"},
		"another code":     {"code", "guessed"},
	} {
		code := s.code(t)
		if status, _, _, refusal := s.exchange(t, code, changes...); status != http.StatusBadRequest || refusal != "invalid_grant" {
			t.Errorf("%s: %d %s", name, status, refusal)
		}
		if status, _, _, _ := s.exchange(t, code); name != "another code" && status == http.StatusOK {
			t.Errorf("%s: the code is still good after it was tried", name)
		}
	}
	if status, _, _, refusal := s.exchange(t, s.code(t), "grant_type", "password"); status != http.StatusBadRequest || refusal != "unsupported_grant_type" {
		t.Errorf("another grant: %d %s", status, refusal)
	}
	late := s.code(t)
	if err := s.clock.Advance(t.Context(), time.Minute+time.Second); err != nil {
		t.Fatal(err)
	}
	if status, _, _, refusal := s.exchange(t, late); status != http.StatusBadRequest || refusal != "invalid_grant" {
		t.Errorf("too late: %d %s", status, refusal)
	}
}

func TestCodesAreForThisMachineAndForPKCEOnly(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, newKey(t))
	for name, changes := range map[string][]string{
		"elsewhere":            {"redirect_uri", "https://evil.example/callback"},
		"a name that looks so": {"redirect_uri", "http://127.0.0.1.evil.example/callback"},
		"nowhere":              {"redirect_uri", ""},
		"another client":       {"client_id", "other"},
		"no challenge":         {"code_challenge", ""},
		"a plain challenge":    {"code_challenge_method", "plain"},
		"the implicit flow":    {"response_type", "token"},
	} {
		if status, where := s.authorize(t, authorization(append(changes, "user", "finance")...)); status != http.StatusBadRequest || where.String() != "" {
			t.Errorf("%s: %d, to %s", name, status, where)
		}
	}
	if status, where := s.authorize(t, authorization()); status != http.StatusOK || where.String() != "" {
		t.Errorf("without a user the choice is offered: %d, to %s", status, where)
	}
}
