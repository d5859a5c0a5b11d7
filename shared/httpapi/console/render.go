package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

//go:embed templates
var templateFiles embed.FS

// templates are parsed when they are first shown: a cold start pays for one page only.
type templates struct {
	assets *assets
	mu     sync.Mutex
	parsed map[string]*template.Template
}

func newTemplates(a *assets) *templates {
	return &templates{assets: a, parsed: map[string]*template.Template{}}
}

// get gives the template of a page: the layout and the parts, with the page's own "title" and "main".
func (t *templates) get(file string) (*template.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.parsed[file]; ok {
		return p, nil
	}
	p, err := template.New("layout.html").Funcs(functions(t.assets)).
		ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/"+file+".html")
	if err != nil {
		return nil, fmt.Errorf("parse template %s: %w", file, err)
	}
	t.parsed[file] = p
	return p, nil
}

// frame is what the layout and every page's template see: the page's own view is View.
type frame struct {
	View      any
	Now       time.Time
	Actor     ops.Actor
	Notice    *notice
	Section   string
	Sections  []section
	Path      string // of this page, with its query
	Refreshed bool   // the script asks for it again
	RequestID string
}

// May reports whether the visitor may do something, for what only some see.
func (f frame) May(action string) bool { return httpapi.Authorize(f.Actor, action) == nil }

// SignedIn reports whether anybody is.
func (f frame) SignedIn() bool { return f.Actor.ID != "" }

// When is a time as pages show it.
func (f frame) When(t time.Time) when { return when{t: t, now: f.Now} }

// render answers with a page. A page that the script asked for again and that has not changed is answered with 304.
func (c *Console) render(w http.ResponseWriter, q *request, status int, p page, view any) {
	f := frame{
		View: view, Now: c.Clock.Now(), Actor: q.Actor, Notice: q.Notice, Section: p.section, Path: q.URL.RequestURI(),
		RequestID: audit.RequestID(q.Context()),
		Refreshed: q.Actor.ID != "" && p.section != "" && !p.still && q.Method == http.MethodGet,
	}
	for _, s := range c.sections {
		if f.May(s.action) {
			f.Sections = append(f.Sections, s)
		}
	}
	var body bytes.Buffer
	t, err := c.pages.get(p.file)
	if err == nil {
		err = t.Execute(&body, f)
	}
	if err != nil {
		c.Logger.ErrorContext(q.Context(), "page not rendered", "request_id", f.RequestID, "template", p.file, "error", err)
		http.Error(w, "This page could not be shown. Request "+f.RequestID, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Cookie, X-Opsflow-Refresh, Accept-Encoding")
	if q.Refresh {
		sum := sha256.Sum256(body.Bytes())
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		h.Set("ETag", tag)
		if status == http.StatusOK && q.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	answer := body.Bytes()
	if zip := zipped(answer); zip != nil && takesZip(q.Request) {
		h.Set("Content-Encoding", "gzip")
		answer = zip
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // the visitor has gone if this fails
}
