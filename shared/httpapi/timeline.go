package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	_ "embed"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
	"opsflow/shared/timeline"
)

func (a *api) timelineRoutes() {
	handle(a, route{
		id: "make-timeline-link", method: http.MethodPost, path: "/v1/bookings/{id}/timeline-link", action: shareTimelines,
		summary: "Make a link under which a customer sees what happened to a booking", status: http.StatusCreated,
	}, a.makeTimelineLink)
	// Not huma's: it needs no sign-in, for the link is signed, and it answers browsers with a page.
	const path = "/v1/timeline/{token}"
	a.mux.HandleFunc(http.MethodGet+" "+path, a.serveTimeline)
	a.huma.OpenAPI().AddOperation(a.timelineOperation(path))
}

// timelineOperation describes what huma does not serve.
func (a *api) timelineOperation(path string) *huma.Operation {
	op := &huma.Operation{
		OperationID: "get-timeline", Method: http.MethodGet, Path: path, Tags: tagsOf(path),
		Summary:     "Read what happened to a booking, by a link made for its customer",
		Description: "For whoever has the link; no access token is needed. Browsers, which accept text/html, get a page.",
		Parameters: []*huma.Param{{
			Name: "token", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
			Description: "The last part of the link that POST /v1/bookings/{id}/timeline-link gave.",
		}},
		Responses: responses([]ops.Code{ops.CodeNotFound, ops.CodeGone, ops.CodeThrottled, ops.CodeInternal, ops.CodeUnavailable}),
	}
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[timeline.Timeline](), true, "")
	op.Responses["200"] = &huma.Response{Description: "The timeline", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schema}, "text/html": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
	return op
}

// LinkInput is exported only because huma calls its Resolve.
type LinkInput struct {
	IDPath
	Body *linkBody `required:"false"`
	base string    // of this API, as the caller reaches it
}

type linkBody struct {
	ValidFor string `json:"valid_for,omitempty" maxLength:"20" doc:"How long the link is good: 1h to 8760h; 720h when absent." example:"720h"`
}

// Resolve notes where the caller reaches this API.
func (in *LinkInput) Resolve(hc huma.Context) []error {
	scheme := hc.Header("X-Forwarded-Proto")
	if scheme != "https" && hc.TLS() == nil {
		scheme = "http"
	} else {
		scheme = "https"
	}
	in.base = (&url.URL{Scheme: scheme, Host: hc.Host()}).String()
	return nil
}

type timelineLink struct {
	URL       string    `json:"url" doc:"For the customer: whoever has it can read the timeline."`
	Path      string    `json:"path" doc:"The same without the host."`
	ExpiresAt time.Time `json:"expires_at"`
}

type linkOutput struct{ Body timelineLink }

func (a *api) makeTimelineLink(ctx context.Context, in *LinkInput) (*linkOutput, error) {
	valid := timeline.DefaultValidity
	if in.Body != nil && in.Body.ValidFor != "" {
		d, err := time.ParseDuration(in.Body.ValidFor)
		if err != nil || d < time.Hour || d > timeline.MaxValidity {
			return nil, invalid(&ops.Fault{Path: "$.valid_for", Expected: "a duration from 1h to 8760h", Got: ops.Shown(in.Body.ValidFor)})
		}
		valid = d
	}
	if _, err := timeline.Of(ctx, a.Store, in.ID); err != nil {
		return nil, fmt.Errorf("read the booking: %w", err)
	}
	expires := a.Clock.Now().Add(valid).UTC().Truncate(time.Second)
	token, err := a.Timelines.Token(in.ID, expires)
	if err != nil {
		return nil, err
	}
	booking := &ops.Subject{SubjectRef: ops.SubjectRef{Type: ops.SubjectBooking, ID: in.ID}}
	err = audit.Note(ctx, a.Records, audit.Change{
		Actor: actorOf(ctx), Action: string(shareTimelines), Target: booking.Ref(), After: map[string]any{"expires_at": expires},
	}, a.Clock.Now())
	if err != nil {
		return nil, err
	}
	path := "/v1/timeline/" + token
	return &linkOutput{Body: timelineLink{URL: in.base + path, Path: path, ExpiresAt: expires}}, nil
}

// timelinePage is what the page is made of: a timeline, or a message in its place.
type timelinePage struct {
	*timeline.Timeline
	Message string
	zone    *time.Location // that its times are read in
}

// Day is a time on the wall clock of the business.
func (p timelinePage) Day(t time.Time) string {
	name := "UTC"
	if p.zone != time.UTC {
		name = strings.ReplaceAll(p.zone.String(), "_", " ")
	}
	return t.In(p.zone).Format("Monday, 2 January 2006, 15:04 ") + name
}

//go:embed timeline.html
var timelineHTML string

var timelineTemplate = template.Must(template.New("timeline").Funcs(template.FuncMap{
	"words": func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).Parse(timelineHTML))

func (a *api) serveTimeline(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	w.Header().Set("Referrer-Policy", "no-referrer") // the address is the secret
	w.Header().Set("X-Robots-Tag", "noindex")
	t, err := a.timelineOf(r)
	html := strings.Contains(r.Header.Get("Accept"), "text/html")
	switch {
	case err != nil && html:
		p := a.problemOf(r.Context(), err)
		writeTimelinePage(w, p.Status, timelinePage{Message: p.Detail})
	case err != nil:
		a.refuse(w, r, err)
	case html:
		writeTimelinePage(w, http.StatusOK, timelinePage{Timeline: t, zone: a.Calendar.Zone()})
	default:
		b, err := json.Marshal(t)
		if err != nil {
			a.refuse(w, r, fmt.Errorf("write the timeline: %w", err))
			return
		}
		writeJSON(w, http.StatusOK, "application/json", b)
	}
}

func (a *api) timelineOf(r *http.Request) (*timeline.Timeline, error) {
	booking, _, err := a.Timelines.Read(r.PathValue("token"), a.Clock.Now())
	if err != nil {
		return nil, err
	}
	return timeline.Of(r.Context(), a.Store, booking)
}

func writeTimelinePage(w http.ResponseWriter, status int, p timelinePage) {
	var b bytes.Buffer
	if err := timelineTemplate.Execute(&b, p); err != nil {
		panic(err) // it holds nothing but texts and times
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	writeJSON(w, status, "text/html; charset=utf-8", b.Bytes())
}
