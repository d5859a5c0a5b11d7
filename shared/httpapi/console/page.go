package console

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// page is a row of the console: what it shows where, and what the visitor must be allowed to do.
type page struct {
	path    string // as http.ServeMux has it, without a method: "/workflows/{id}"
	action  string // of the role table: "workflow.read"
	section string // of the navigation that it belongs to: "Workflows"; the page at the section's own path makes it show
	file    string // templates/<file>.html
	still   bool   // it is not asked for again: nothing on it changes by itself, or somebody writes in it
}

// show registers a page with the function that gives its view. Errors of package ops become error pages.
func show[V any](c *Console, p page, view func(*request) (V, error)) {
	c.shown = append(c.shown, p)
	c.mux.HandleFunc("GET "+p.path, func(w http.ResponseWriter, r *http.Request) {
		q, ok := c.enter(w, r, p.action)
		if !ok {
			return
		}
		v, err := view(q)
		if f, ok := errors.AsType[*invalidForm](err); ok {
			c.render(w, q, httpapi.Status(ops.ErrorCode(f.err)), f.page, f.view)
			return
		}
		if err != nil {
			c.fail(w, q, err)
			return
		}
		c.render(w, q, http.StatusOK, p, v)
	})
}

// outcome is where a visitor goes after a change, and what they are told there.
type outcome struct {
	to   string // a path
	said string // one sentence; empty: nothing
}

// invalidForm is an error that a form shows beside its fields: the page is rendered again with what was entered.
type invalidForm struct {
	page page
	view any
	err  error
}

func (f *invalidForm) Error() string { return f.err.Error() }
func (f *invalidForm) Unwrap() error { return f.err }

// do registers a change: a POST to pattern. An error that the visitor can do something about is told on the page that the
// form is on, which is pattern's path without its last word ("/tasks/{id}/claim" is a form of "/tasks/{id}").
func do(c *Console, pattern, action string, change func(*request) (outcome, error)) {
	c.mux.HandleFunc("POST "+pattern, func(w http.ResponseWriter, r *http.Request) {
		q, ok := c.enter(w, r, action)
		if !ok {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, httpapi.MaxBody)
		if err := r.ParseForm(); err != nil {
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				err = ops.Errorf(ops.CodeTooLarge, "the form is larger than %d bytes", httpapi.MaxBody)
			} else {
				err = ops.Errorf(ops.CodeInvalid, "the form can't be read: %w", err)
			}
			c.fail(w, q, err)
			return
		}
		done, err := change(q)
		if f, ok := errors.AsType[*invalidForm](err); ok {
			c.render(w, q, httpapi.Status(ops.ErrorCode(f.err)), f.page, f.view)
			return
		}
		switch code := ops.ErrorCode(err); code {
		case "":
			c.flash(w, q, notice{Text: done.said})
			redirect(w, r, done.to)
		case ops.CodeInternal, ops.CodeNotFound, ops.CodeForbidden:
			c.fail(w, q, err)
		default:
			c.flash(w, q, notice{Text: c.words(q, err), Bad: true})
			redirect(w, r, path.Dir(r.URL.Path))
		}
	})
}

// redirect goes on with a GET.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // to is a path of ours
}

// request is one visit: who, when, and what they asked for.
type request struct {
	*http.Request
	Actor   ops.Actor
	Session session
	Notice  *notice // what an earlier change has to tell
	// Refresh reports that the script asks, for a page that is already there.
	Refresh bool
}

// field is a value of the form, or of the address.
func (q *request) field(name string) string { return q.FormValue(name) }

// request tells who visits, as far as the session says it.
func (c *Console) request(w http.ResponseWriter, r *http.Request) *request {
	q := &request{Request: r, Refresh: r.Header.Get("X-Opsflow-Refresh") != ""}
	if s, ok := c.session(r); ok {
		q.Actor, q.Session = s.Actor, s
	}
	if !q.Refresh && r.Method == http.MethodGet {
		q.Notice = c.takeNotice(w, r)
	}
	return q
}

// enter lets in who is signed in and may do what the page is for; everybody else has been answered.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, action string) (*request, bool) {
	q := c.request(w, r)
	if q.Actor.ID == "" {
		if q.Refresh || r.Method != http.MethodGet {
			c.fail(w, q, ops.Errorf(ops.CodeUnauthenticated, "your session has ended; sign in again"))
		} else {
			redirect(w, r, signInPath+"?to="+url.QueryEscape(r.URL.RequestURI()))
		}
		return nil, false
	}
	if q.Actor.OnlyVendor() && r.URL.Path == "/" {
		redirect(w, r, tasksPage.path) // all that there is for them
		return nil, false
	}
	if err := httpapi.Authorize(q.Actor, action); err != nil {
		_, who, _ := strings.Cut(err.Error(), " is for ")
		c.fail(w, q, ops.Errorf(ops.CodeForbidden, "this is for %s. You are signed in as %s", strings.ReplaceAll(who, "_", " "), q.Actor.ID))
		return nil, false
	}
	return q, true
}

// codeMethod is of a request whose method nothing is registered for.
const codeMethod ops.Code = "method_not_allowed"

// failure is the view of the error page.
type failure struct {
	Status    int
	Heading   string
	Text      string
	Faults    []ops.Fault
	RequestID string
}

// fail answers with the error page.
func (c *Console) fail(w http.ResponseWriter, q *request, err error) {
	f := failure{
		Status: httpapi.Status(ops.ErrorCode(err)), Text: c.words(q, err), RequestID: audit.RequestID(q.Context()),
	}
	f.Heading = http.StatusText(f.Status)
	if e, ok := errors.AsType[*ops.Error](err); ok && f.Status < http.StatusInternalServerError {
		f.Faults = e.Faults
	}
	c.render(w, q, f.Status, page{file: "error"}, f)
}

// words says an error to the visitor. What is our own defect is logged whole, and shown to nobody.
func (c *Console) words(q *request, err error) string {
	e, ours := errors.AsType[*ops.Error](err)
	switch code := ops.ErrorCode(err); {
	case q.Context().Err() != nil:
		return "The request was not finished in time."
	case code == ops.CodeConflict && !ours:
		return "Somebody else changed it at the same time. Look again."
	case !ours || code == ops.CodeInternal:
		c.Logger.ErrorContext(q.Context(), "page failed", "request_id", audit.RequestID(q.Context()), "error", err)
		return "Something went wrong on our side. The request's name leads to it in the logs."
	case e.Message != "":
		return sentence(e.Message)
	default:
		return sentence(e.Error())
	}
}
