package local_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhatIsOnThisMachineOnlyTrustsNoWebPage(t *testing.T) {
	t.Parallel()
	rt := start(t, options())
	for _, c := range []struct {
		what, method, path, host string
		header, value            string
		status                   int
	}{
		{what: "curl", status: http.StatusOK},
		{what: "localhost", host: "LocalHost:3000", status: http.StatusOK},
		{what: "IPv6", host: "[::1]:3000", status: http.StatusOK},
		{what: "IPv6 without a port", host: "[::1]", status: http.StatusOK},
		{what: "another address of this machine", host: "192.0.2.7", status: http.StatusOK},
		{what: "a container", host: "host.docker.internal:3000", status: http.StatusOK},
		{what: "rebound", host: "evil.example", status: http.StatusForbidden},
		{what: "rebound at our port", host: "evil.example:3000", status: http.StatusForbidden},
		{what: "looks like localhost", host: "localhost.evil.example:3000", status: http.StatusForbidden},
		{what: "looks like an address", host: "127.0.0.1.evil.example", status: http.StatusForbidden},
		{what: "rebound clock", path: "/dev/clock", host: "evil.example", status: http.StatusForbidden},
		{what: "rebound outbox", path: "/dev/outbox", host: "evil.example", status: http.StatusForbidden},
		{what: "our own page", method: http.MethodPost, path: "/dev/clock", header: "Sec-Fetch-Site", value: "same-origin", status: http.StatusOK},
		{what: "our own origin", method: http.MethodPost, path: "/dev/clock", header: "Origin", value: rt.APIURL(), status: http.StatusOK},
		{what: "another origin", method: http.MethodPost, path: "/dev/clock", header: "Origin", value: "https://evil.example", status: http.StatusForbidden},
		{what: "another site", method: http.MethodPost, path: "/dev/clock", header: "Sec-Fetch-Site", value: "cross-site", status: http.StatusForbidden},
		{what: "another site's PUT", method: http.MethodPut, path: "/dev/outbox", header: "Sec-Fetch-Site", value: "cross-site", status: http.StatusForbidden},
	} {
		path, method := c.path, c.method
		if path == "" {
			path = "/dev/token?user=ada&groups=admin"
		}
		if method == "" {
			method = http.MethodGet
		}
		r, err := http.NewRequestWithContext(t.Context(), method, rt.APIURL()+path, strings.NewReader(`{"advance":"0s"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host // empty: that of the address
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != c.status {
			t.Errorf("%s: %d, %v, want %d", c.what, res.StatusCode, err, c.status)
		}
		if ct := res.Header.Get("Content-Type"); c.status == http.StatusForbidden && ct != "application/problem+json" {
			t.Errorf("%s is refused as %s", c.what, ct)
		}
	}
}
