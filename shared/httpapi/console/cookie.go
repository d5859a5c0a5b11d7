package console

import (
	"net/http"
	"time"

	"opsflow/shared/ops"
)

// The cookies, and what they are sealed for.
const (
	sessionCookie = "opsflow_session"
	signInCookie  = "opsflow_sign_in"
	noticeCookie  = "opsflow_notice"
)

// overTLS reports whether the visitor came by HTTPS; API Gateway ends it before us.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// cookieName has the prefix that makes browsers refuse the cookie from other hosts and over plain HTTP.
func cookieName(r *http.Request, name string) string {
	if overTLS(r) {
		return "__Host-" + name
	}
	return name
}

func setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge time.Duration) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // over plain HTTP, on one machine, it can't be Secure
		Name: cookieName(r, name), Value: value, Path: "/", MaxAge: int(maxAge.Seconds()),
		HttpOnly: true, Secure: overTLS(r), SameSite: http.SameSiteLaxMode,
	})
}

func dropCookie(w http.ResponseWriter, r *http.Request, name string) {
	setCookie(w, r, name, "", -time.Second)
}

// session is who is signed in, until when.
type session struct {
	Actor ops.Actor `json:"actor"`
	Until time.Time `json:"until"`
}

// session reads the cookie; false when there is none that is good now.
func (c *Console) session(r *http.Request) (session, bool) {
	var s session
	return s, c.read(r, sessionCookie, &s) && s.Actor.ID != "" && c.SignIn.Now().Before(s.Until)
}

func (c *Console) read(r *http.Request, name string, v any) bool {
	cookie, err := r.Cookie(cookieName(r, name))
	return err == nil && c.seal != nil && c.seal.open(name, cookie.Value, v) == nil
}

// notice is what a change has to tell on the next page.
type notice struct {
	Text string `json:"text"`
	Bad  bool   `json:"bad,omitempty"`
}

// noticeLife is how long a notice waits for its page.
const noticeLife = time.Minute

// flash keeps a notice for the next page.
func (c *Console) flash(w http.ResponseWriter, q *request, n notice) {
	if n.Text == "" || c.seal == nil {
		return
	}
	sealed, err := c.seal.close(noticeCookie, n)
	if err != nil {
		c.Logger.WarnContext(q.Context(), "notice lost", "error", err)
		return
	}
	setCookie(w, q.Request, noticeCookie, sealed, noticeLife)
}

// takeNotice gives the notice that waits, once.
func (c *Console) takeNotice(w http.ResponseWriter, r *http.Request) *notice {
	var n notice
	if !c.read(r, noticeCookie, &n) {
		return nil
	}
	dropCookie(w, r, noticeCookie)
	return &n
}
