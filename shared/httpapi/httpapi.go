// Package httpapi is opsflow's HTTP API: JSON under /v1, described by /openapi.json, with problem+json (RFC 9457) for
// every error. It checks who calls (OIDC access tokens) and what their teams may do, turns requests into calls of the
// domain's services and stores, and keeps only what was asked under an Idempotency-Key and who had something sent or shown.
package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"opsflow/shared/calendar"
	"opsflow/shared/idempotency"
	"opsflow/shared/ops"
	"opsflow/shared/timeline"
)

// MaxBody is the largest request body in bytes; a larger one is answered with 413.
const MaxBody = 1 << 20

// Config is what the API serves from. Every field is needed.
type Config struct {
	Store         Store
	Records       Records
	Workflows     Workflows
	Tasks         Tasks
	Vendors       Vendors
	Members       Members
	Notifications Notifications
	Connections   Connections
	Rules         Rules
	Backtests     Backtests
	Bulk          Bulk
	Alerts        Alerts
	Undelivered   Undelivered
	Bus           Bus
	Timelines     timeline.Links
	Verifier      Verifier
	Calendar      *calendar.Calendar // of business: customers read times in its zone; nil: in UTC
	Clock         ops.Clock
	Random        io.Reader // names requests; it need not be safe for concurrent use
	Logger        *slog.Logger
}

// Verifier finds out who sends a request.
type Verifier interface {
	// Verify checks a bearer token. CodeUnauthenticated when it is not good, CodeUnavailable when that can't be told now.
	Verify(ctx context.Context, bearer string) (ops.Actor, error)
}

type api struct {
	Config
	mux    *http.ServeMux
	huma   huma.API
	doc    func() ([]byte, error) // the OpenAPI document
	keeper *idempotency.Keeper

	randomMu sync.Mutex
}

// New makes the API. The handler is safe for concurrent use.
func New(c Config) http.Handler {
	a := &api{Config: c, mux: http.NewServeMux()}
	a.keeper = &idempotency.Keeper{Store: c.Records, Clock: c.Clock, Logger: c.Logger}
	a.huma = humago.New(a.mux, a.humaConfig())
	a.workflowRoutes()
	a.controlRoutes()
	a.taskRoutes()
	a.memberRoutes()
	a.connectionRoutes()
	a.notificationRoutes()
	a.eventRoutes()
	a.templateRoutes()
	a.ruleRoutes()
	a.alertRoutes()
	a.auditRoutes()
	a.vendorRoutes()
	a.bulkRoutes()
	a.timelineRoutes()
	a.schemaRoutes()
	a.undeliveredRoutes()
	a.findRoutes()

	a.doc = sync.OnceValues(func() ([]byte, error) {
		doc, err := a.document()
		if err != nil {
			return nil, err
		}
		return json.Marshal(doc)
	})
	a.mux.HandleFunc("GET /openapi.json", a.serveDocument)
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, "application/json", []byte(`{"status":"ok"}`))
	})
	return a
}

func (a *api) serveDocument(w http.ResponseWriter, r *http.Request) {
	b, err := a.doc()
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", b)
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has gone if this fails
}
