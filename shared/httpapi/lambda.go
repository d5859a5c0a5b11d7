package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

// LambdaHandler serves an API Gateway HTTP API (payload format 2.0) from h.
//
// The adapter does the work, with three corrections. It cuts every header at its commas, which breaks entity tags and
// dates: we set the headers as API Gateway gave them. It fails the invocation (a 500 without a body) on a path that is not
// a URL's, as API Gateway gives decoded ones: we escape it. And it fails on a body that is not base64 though it says so:
// that is refused as a request.
func LambdaHandler(h http.Handler) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		headers := e.Headers
		e.Headers = nil
		if e.RawPath == "" {
			e.RawPath = e.RequestContext.HTTP.Path
		}
		if _, err := url.ParseRequestURI(e.RawPath); err != nil {
			e.RawPath = (&url.URL{Path: e.RawPath}).EscapedPath()
		}
		broken := false
		if e.IsBase64Encoded {
			if _, err := base64.StdEncoding.DecodeString(e.Body); err != nil {
				e.Body, e.IsBase64Encoded, broken = "", false, true
			}
		}
		adapter := httpadapter.NewV2(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range headers {
				r.Header.Set(name, value)
			}
			if host := r.Header.Get("Host"); host != "" {
				r.Host = host
				r.Header.Del("Host") // as net/http has it
			}
			if broken {
				writeProblem(w, newProblem(r.Context(), codeMalformed, "the body is not the base64 that it is said to be", nil))
				return
			}
			h.ServeHTTP(w, r)
		}))
		return adapter.ProxyWithContext(ctx, e)
	}
}
