package local

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/aws/ses"
	"opsflow/shared/httpapi"
	"opsflow/shared/local/action"
	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/logs"
	"opsflow/shared/local/s3"
	"opsflow/shared/local/scheduler"
	"opsflow/shared/local/sqs"
	"opsflow/shared/local/stack"
	"opsflow/shared/local/states"
	"opsflow/shared/ops"
)

// awsEndpoint is one address for all AWS services that are here, told apart as the SDKs tell them: by the prefix of
// X-Amz-Target, or by Lambda's path.
func (rt *Runtime) awsEndpoint() http.Handler {
	services := map[string]http.Handler{
		awsjson.StepFunctions:  states.Handler(rt.states),
		awsjson.EventBridge:    events.Handler(rt.events),
		awsjson.DynamoDB:       rt.dynamodb,
		awsjson.SQS:            sqs.Handler(rt.queues),
		awsjson.SecretsManager: http.HandlerFunc(rt.secretsAPI),
		awsjson.Logs:           logs.Handler(rt.logs, stack.Region, stack.Account),
	}
	functions, schedules := lambda.Handler(rt.functions, rt.elsewhere), scheduler.Handler(rt.scheduler)
	objects, who := s3.Handler(rt.objects, stack.Region), &identity{rt.permissions, rt.o.Clock.Now}
	return rt.permissions.guardEndpoint(rt.meterEndpoint(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, signed := action.Signer(r); signed {
		case "s3": // its paths may be like any other's
			objects.ServeHTTP(w, r)
			return
		case "sts":
			who.ServeHTTP(w, r)
			return
		}
		if lambda.Serves(r.URL.Path) {
			functions.ServeHTTP(w, r)
			return
		}
		service, operation := awsjson.Target(r)
		if service == "" && scheduler.Serves(r.URL.Path) {
			schedules.ServeHTTP(w, r)
			return
		}
		if service == "" && r.URL.Path == ses.Path {
			rt.outbox.email(w, r)
			return
		}
		if service == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			rt.forms(w, r)
			return
		}
		if h, ok := services[service]; ok {
			h.ServeHTTP(w, r)
			return
		}
		awsjson.Refuse(w, awsjson.Version10, http.StatusBadRequest, "UnknownOperationException",
			"this endpoint has Step Functions, EventBridge, EventBridge Scheduler, Lambda, SQS, S3, DynamoDB, CloudWatch Logs, STS and "+
				"Secrets Manager; it does not know "+service+" "+operation)
	})))
}

// apiEndpoint is the API gateway with, beside it, what exists on this machine only.
func (rt *Runtime) apiEndpoint() http.Handler {
	gateway := &apiGateway{
		invoke: func(r *http.Request, payload []byte) ([]byte, error) {
			api, _ := rt.function("api")
			out, failure, err := rt.invoke(r.Context(), clock.Visitor{Clock: rt.o.Clock}, api.Name, payload)
			if failure != nil {
				return nil, ops.Errorf(ops.CodeInternal, "%s: %s", failure.Type, failure.Message)
			}
			return out, err
		},
		now: func() int64 { return rt.o.Clock.Now().UnixMilli() },
		id:  requestID,
	}
	mux := http.NewServeMux()
	mux.Handle("/", gateway)
	mux.Handle("/.well-known/", rt.issuer)
	mux.Handle("/dev/", rt.devDoors())
	return mux
}

// devDoors are what exists on this machine only. They refuse as the API does, and web pages of other sites wholly.
func (rt *Runtime) devDoors() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dev/outbox", rt.outbox.show)
	mux.HandleFunc("POST /dev/outbox", rt.outbox.take)
	mux.HandleFunc("PUT /dev/outbox", rt.outbox.letDown)
	mux.HandleFunc("GET /dev/logs", rt.showLogs)
	mux.HandleFunc("GET /dev/clock", rt.showClock)
	mux.HandleFunc("POST /dev/clock", rt.moveClock)
	mux.HandleFunc("GET /dev/cost", rt.showCost)
	mux.HandleFunc("GET /dev/faults", rt.showFaults)
	mux.HandleFunc("POST /dev/faults", rt.setFaults)
	mux.HandleFunc("DELETE /dev/faults", rt.clearFaults)
	mux.HandleFunc("GET /dev/dead-letters", rt.deadLetters)
	guard := newPageGuard(rt.o.APIAddr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !ops.ValidID(id) {
			id = requestID()
		}
		w.Header().Set("X-Request-Id", id)
		r = r.WithContext(audit.WithRequestID(r.Context(), id))
		if err := guard.check(r); err != nil {
			httpapi.Refuse(w, r, err)
			return
		}
		own, pattern := mux.Handler(r)
		switch {
		case pattern != "":
			mux.ServeHTTP(w, r)
		case rt.issuer.Serves(r):
			rt.issuer.ServeHTTP(w, r)
		case rt.issuer.Knows(r.URL.Path):
			httpapi.NoRoute(w, r, rt.issuer)
		default:
			httpapi.NoRoute(w, r, own)
		}
	})
}

func requestID() string {
	id, err := ops.RandomID("req-", rand.Reader)
	if err != nil {
		return "req-none"
	}
	return id
}

// deadLetters lists what could not be delivered, with the reason.
func (rt *Runtime) deadLetters(w http.ResponseWriter, r *http.Request) {
	list, err := rt.events.DeadLetters(r.Context(), r.URL.Query().Get("after"), 100)
	if coded, ok := errors.AsType[errorCoder](err); ok {
		httpapi.Refuse(w, r, ops.Errorf(ops.CodeNotFound, "%s", coded.Error()))
		return
	}
	if err != nil {
		rt.o.Logger.ErrorContext(r.Context(), "dead letters not listed", "error", err)
		httpapi.Refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": list})
}

// closeWithin bounds what an ending process waits for.
func closeWithin(end func(context.Context) error) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		return end(ctx)
	}
}
