package connection

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doyensec/safeurl"

	"opsflow/shared/ops"
)

// maxRedirects is how many redirects of one call are followed.
const maxRedirects = 3

// Doer is an http.Client, or one like it.
type Doer interface {
	Do(request *http.Request) (*http.Response, error)
}

// Client gives what sends the requests of a connection: to its own host and its allowed ones, and to no address inside of our
// own network, unless private ones are allowed. That is asked of the very address that a connection is made to, so that no
// name and no redirect leads around it.
func Client(to *ops.Connection, timeout time.Duration, private bool) Doer {
	redirect := func(next *http.Request, via []*http.Request) error { return mayFollow(to, next, via, private) }
	if private {
		return &http.Client{Timeout: timeout, CheckRedirect: redirect}
	}
	config := safeurl.GetConfigBuilder().SetTimeout(timeout).SetCheckRedirect(redirect).EnableIPv6(true).
		SetAllowedSchemes("https").SetAllowedHosts(hosts(to)...).SetAllowedPorts(443, port(to)).Build()
	return safeurl.Client(config)
}

func hosts(to *ops.Connection) []string {
	all := slices.Clone(to.AllowedHosts)
	if u, err := url.Parse(to.BaseURL); err == nil {
		all = append(all, u.Hostname())
	}
	return all
}

// port is the base URL's.
func port(to *ops.Connection) int {
	if u, err := url.Parse(to.BaseURL); err == nil {
		if n, err := strconv.Atoi(u.Port()); err == nil && n > 0 && n < 1<<16 {
			return n
		}
	}
	return 443
}

// redirectError is a redirect that is not followed.
type redirectError struct{ why string }

func (e *redirectError) Error() string { return e.why }

func mayFollow(to *ops.Connection, next *http.Request, via []*http.Request, private bool) error {
	host := strings.ToLower(next.URL.Hostname())
	allowed := func(h string) bool { return strings.EqualFold(h, host) }
	switch {
	case len(via) > maxRedirects:
		return &redirectError{fmt.Sprintf("more than %d redirects", maxRedirects)}
	case next.URL.Scheme != "https" && !private:
		return &redirectError{"a redirect to an address without https"}
	case !slices.ContainsFunc(hosts(to), allowed):
		return &redirectError{"a redirect to the host " + host + ", which is not among allowed_hosts"}
	}
	if to.Auth != nil && to.Auth.Header != "" && next.URL.Host != via[0].URL.Host {
		next.Header.Del(to.Auth.Header) // as net/http does with Authorization
	}
	return nil
}

// Forbidden reports whether an error of a Client is our own refusal, which no further try would change.
func Forbidden(err error) bool {
	if _, ok := errors.AsType[*redirectError](err); ok {
		return true
	}
	for _, is := range []func(error) bool{
		as[*safeurl.AllowedIPError], as[*safeurl.AllowedPortError], as[*safeurl.AllowedSchemeError], as[*safeurl.AllowedHostError],
		as[*safeurl.InvalidHostError], as[*safeurl.SendingCredentialsBlockedError],
	} {
		if is(err) {
			return true
		}
	}
	return false
}

func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
