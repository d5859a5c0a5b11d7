package local

import (
	"net"
	"net/http"
	"strings"

	"opsflow/shared/ops"
)

// pageGuard keeps web pages of other sites out of what exists on this machine only, where tokens are had without a password.
type pageGuard struct {
	host    string // that we were told to listen on
	origins *http.CrossOriginProtection
}

func newPageGuard(listenOn string) *pageGuard {
	return &pageGuard{host: hostOf(listenOn), origins: http.NewCrossOriginProtection()}
}

// check refuses with CodeForbidden what a page of another site may have sent. Browsers mark what comes from another origin.
// A site's own name may lead here too (DNS rebinding), so that it is the same origin; the Host header tells that. Addresses
// can't be led elsewhere, and neither can localhost, the name that containers have for this machine, and the host that we
// were told to listen on.
func (g *pageGuard) check(r *http.Request) error {
	host := hostOf(r.Host)
	if net.ParseIP(host) == nil && host != "localhost" && host != "host.docker.internal" && host != g.host {
		return ops.Errorf(ops.CodeForbidden, "the header Host must be localhost, an address, or the --host of this system, got %s", ops.Shown(r.Host))
	}
	if err := g.origins.Check(r); err != nil {
		return ops.Errorf(ops.CodeForbidden, "a page of another site sent this: %w", err)
	}
	return nil
}

// hostOf is the host of host:port, [host]:port or host, in small letters.
func hostOf(authority string) string {
	host, _, err := net.SplitHostPort(authority)
	if err != nil {
		host = strings.Trim(authority, "[]")
	}
	return strings.ToLower(host)
}
