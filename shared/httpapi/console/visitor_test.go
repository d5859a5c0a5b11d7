package console_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// visitor is somebody at the console, without a browser: they keep cookies, and follow no redirect by themselves.
type visitor struct {
	base   string
	client *http.Client
}

// answer is a page as it came.
type answer struct {
	status  int
	to      string // where a redirect leads
	body    string
	cookies []*http.Cookie
}

func (s system) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{s.APIURL(), &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as is a visitor who has signed in.
func (s system) as(t *testing.T, user string) *visitor {
	t.Helper()
	v := s.visitor(t)
	authorize := v.get(t, "/sign-in").to
	callback := v.get(t, strings.TrimPrefix(authorize, v.base)+"&user="+user).to
	if got := v.get(t, strings.TrimPrefix(callback, v.base)); got.status != http.StatusSeeOther || got.to != "/" {
		t.Fatalf("signing in as %s ends with %d %s %s", user, got.status, got.to, got.body)
	}
	return v
}

func (v *visitor) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return v.send(t, http.MethodGet, path, "", headers...)
}

// post sends a form, made of pairs of name and value.
func (v *visitor) post(t *testing.T, path string, fields ...string) answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.send(t, http.MethodPost, path, form.Encode())
}

func (v *visitor) send(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, v.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header.Get("Location"), string(text), res.Cookies()}
}

// after follows the redirect of a change, and gives the page with what it has to tell.
func (v *visitor) after(t *testing.T, a answer) answer {
	t.Helper()
	if a.status != http.StatusSeeOther {
		t.Fatalf("a change ends with %d, want 303: %s", a.status, a.body)
	}
	return v.get(t, a.to)
}

// shows fails the test unless the page has the status and each of the texts.
func (a answer) shows(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not show %q:\n%s", text, a.body)
		}
	}
}
