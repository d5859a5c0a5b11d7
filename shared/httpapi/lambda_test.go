package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

func event(method, path, query, body string, headers map[string]string) events.APIGatewayV2HTTPRequest {
	return events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: path, RawQueryString: query, Body: body, Headers: headers,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			DomainName: "api.example.test",
			HTTP:       events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path},
		},
	}
}

func TestTheAPIAnswersAPIGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	serve := httpapi.LambdaHandler(r.handler)
	auth := map[string]string{"authorization": "Bearer " + r.token(t, "ada", ops.Admin), "content-type": "application/json"}

	body := base64.StdEncoding.EncodeToString([]byte(`{"template":"x","name":"Größe"}`))
	e := event("POST", "/v1/workflows", "", body, auth)
	e.IsBase64Encoded = true
	res, err := serve(t.Context(), e)
	if err != nil || res.StatusCode != http.StatusCreated || res.Headers["Content-Type"] != "application/json" || res.IsBase64Encoded {
		t.Fatalf("%+v, %v", res, err)
	}
	if r.started[0].Name != "Größe" || res.Headers["Location"] == "" {
		t.Errorf("started %+v, %v", r.started, res.Headers)
	}

	res, err = serve(t.Context(), event("GET", "/v1/workflows", "subject=booking%2Fbk-1&limit=3", "", auth))
	if err != nil || res.StatusCode != http.StatusOK || r.instanceFilter.Subject.ID != "bk-1" || r.instanceFilter.Limit != 3 {
		t.Errorf("%+v, %v, filter %+v", res, err, r.instanceFilter)
	}

	res, err = serve(t.Context(), event("GET", "/v1/workflows", "", "", nil))
	if err != nil || res.StatusCode != http.StatusUnauthorized || res.Headers["Www-Authenticate"] != "Bearer" || res.Headers["Content-Type"] != "application/problem+json" {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestStrangeRequestsFromAPIGatewayAreProblemsNotFailures(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	serve := httpapi.LambdaHandler(r.handler)
	auth := map[string]string{"authorization": "Bearer " + r.token(t, "ada", ops.Admin)}
	for name, test := range map[string]struct {
		event  events.APIGatewayV2HTTPRequest
		status int
	}{
		"a decoded path": {event("GET", "/v1/workflows/a b%zz", "", "", auth), 404},
		"no raw path":    {event("GET", "/v1/nothing", "", "", auth), 404},
		"a wrong method": {event("PATCH", "/v1/workflows", "", "", auth), 405},
		"a body not base64": {func() events.APIGatewayV2HTTPRequest {
			e := event("POST", "/v1/events", "", "%%%", auth)
			e.IsBase64Encoded = true
			return e
		}(), 400},
		"a body not of texts": {func() events.APIGatewayV2HTTPRequest {
			e := event("POST", "/v1/events", "", "/v7/", auth)
			e.IsBase64Encoded = true
			return e
		}(), 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "no raw path" {
				test.event.RawPath = ""
			}
			res, err := serve(t.Context(), test.event)
			if err != nil || res.StatusCode != test.status || res.Headers["Content-Type"] != "application/problem+json" {
				t.Fatalf("%+v, %v", res, err)
			}
			var p problem
			if err := json.Unmarshal([]byte(res.Body), &p); err != nil || p.Status != test.status {
				t.Errorf("%s: %v", res.Body, err)
			}
		})
	}
}

func TestTheLambdaAdapterKeepsHeadersCookiesAndBytes(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	serve := httpapi.LambdaHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Cookie")
		_, _ = w.Write([]byte{0xff, 0x00, 0xfe})
	}))
	e := event("GET", "/v1/x", "a=1&a=2&b=%2F", "", map[string]string{
		"host": "ops.example.test", "if-match": `"v1", "v2"`, "x-date": "Tue, 24 Nov 2026 09:00:00 GMT",
	})
	e.Cookies = []string{"one=1", "two=2"}
	res, err := serve(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen.Header.Values("If-Match"); len(got) != 1 || got[0] != `"v1", "v2"` || seen.Header.Get("X-Date") != "Tue, 24 Nov 2026 09:00:00 GMT" {
		t.Errorf("headers %v", seen.Header)
	}
	if seen.Host != "ops.example.test" || seen.URL.RawQuery != "a=1&a=2&b=%2F" || len(seen.Cookies()) != 2 {
		t.Errorf("host %q, query %q, cookies %v", seen.Host, seen.URL.RawQuery, seen.Cookies())
	}
	if len(res.Cookies) != 2 || !strings.HasPrefix(res.Cookies[0], "a=1") || res.Headers["Vary"] != "Accept,Cookie" {
		t.Errorf("cookies %v, headers %v", res.Cookies, res.Headers)
	}
	if b, _ := base64.StdEncoding.DecodeString(res.Body); !res.IsBase64Encoded || string(b) != "\xff\x00\xfe" {
		t.Errorf("body %q, base64 %t", res.Body, res.IsBase64Encoded)
	}
}
