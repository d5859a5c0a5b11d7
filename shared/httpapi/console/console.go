// Package console is the web console: pages rendered on the server, usable without JavaScript, refreshed in place by one
// small script. It calls the same services as the JSON API and asks the same role table; it never calls the API itself.
//
// A page is a row of routes.go's kind: a path, the action of the role table that it needs, a template, and a function that
// gives the template's typed view. What changes something is a POST that ends in a redirect.
package console

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// Config is what the console serves from. Every field is needed, except where it says otherwise.
type Config struct {
	httpapi.Config              // Random must be safe for concurrent use
	API            http.Handler // answers /v1, /openapi.json and /healthz
	SignIn         SignIn
	Local          Local // nil: this is no local runtime
}

// Console serves the pages, and the API beside them. It is safe for concurrent use.
type Console struct {
	Config
	mux      *http.ServeMux
	pages    *templates
	assets   *assets
	seal     *sealer // nil: nobody can sign in
	issuer   *issuer
	shown    []page    // all of them
	sections []section // of the navigation, as far as there are pages
	origin   *http.CrossOriginProtection
}

// New makes the console. An error is a defect of a template, or a session key that is too short.
func New(c Config) (*Console, error) {
	if c.SignIn.Now == nil {
		c.SignIn.Now = c.Clock.Now
	}
	con := &Console{Config: c, mux: http.NewServeMux(), issuer: newIssuer(c.SignIn, c.Clock), origin: http.NewCrossOriginProtection()}
	var err error
	if con.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("read the console's assets: %w", err)
	}
	con.pages = newTemplates(con.assets)
	if con.seal, err = newSealer(c.SignIn.SessionKey, c.Random); err != nil {
		return nil, err
	}
	con.mux.Handle("GET "+assetPath, con.assets)
	con.signInRoutes()
	con.dashboardPages()
	con.workflowPages()
	con.taskPages()
	con.localPages()
	con.alertPages()
	con.rulePages()
	con.vendorPages()
	con.memberPages()
	con.connectionPages()
	con.deliveryPages()
	con.undeliveredPages()
	con.eventPages()
	con.templatePages()
	con.bulkPages()
	con.auditPages()
	con.sections = navigation(con.shown)
	return con, nil
}

// ServeHTTP answers a page or passes the request on to the API.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; strings.HasPrefix(p, "/v1/") || p == "/v1" || p == "/openapi.json" || p == "/healthz" {
		c.API.ServeHTTP(w, r)
		return
	}
	id := r.Header.Get("X-Request-Id")
	if !ops.ValidID(id) {
		var err error
		if id, err = ops.RandomID("req-", c.Random); err != nil {
			id = "req-unnamed"
		}
	}
	r = r.WithContext(audit.WithRequestID(r.Context(), id))
	secure(w.Header(), id)
	out := &answered{ResponseWriter: w}
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		c.Logger.ErrorContext(r.Context(), "page panicked", "request_id", id, "method", r.Method, "path", r.URL.Path,
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if out.begun {
			panic(http.ErrAbortHandler)
		}
		c.fail(out, c.request(out, r), ops.Errorf(ops.CodeInternal, "the page panicked"))
	}()
	if err := c.origin.Check(r); err != nil {
		c.fail(out, c.request(out, r), ops.Errorf(ops.CodeForbidden, "this form was sent from another site: %w", err))
		return
	}
	if _, pattern := c.mux.Handler(r); pattern == "" {
		c.noPage(out, r)
		return
	}
	c.mux.ServeHTTP(out, r)
}

// secure sets what protects every page: nothing is loaded from elsewhere, nothing inline runs, nobody frames it.
func secure(h http.Header, requestID string) {
	h.Set("X-Request-Id", requestID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Strict-Transport-Security", "max-age=63072000") // means nothing over plain HTTP
	h.Set("Cache-Control", "no-store")
}

// noPage answers what there is no page for: 405 when another method would do.
func (c *Console) noPage(w http.ResponseWriter, r *http.Request) {
	err := ops.Errorf(ops.CodeNotFound, "there is nothing at %s", r.URL.Path)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		probe := r.Clone(r.Context())
		probe.Method = http.MethodGet
		if _, pattern := c.mux.Handler(probe); pattern != "" {
			w.Header().Set("Allow", "GET, HEAD")
			err = ops.Errorf(codeMethod, "%s is not allowed here", r.Method)
		}
	}
	c.fail(w, c.request(w, r), err)
}

// answered knows whether anything was sent yet.
type answered struct {
	http.ResponseWriter
	begun bool
}

func (w *answered) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *answered) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}
