package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"

	"opsflow/shared/ops"
)

type connectionCommands struct {
	List connectionsList `cmd:"" help:"List connections by name."`
	Show connectionsShow `cmd:"" help:"Show a connection. Its secret is only named."`
	Put  connectionsPut  `cmd:"" help:"Add a connection, or replace one whole: steps use it from their next call on."`
}

type connectionsList struct{ pageFlags }

// Run prints a page of the list.
func (c *connectionsList) Run(ctx context.Context, s *session) error {
	return list(ctx, s, "/v1/connections", query(), c.pageFlags, []column[*ops.Connection]{
		{"NAME", func(c *ops.Connection) string { return c.Name }},
		{"BASE URL", func(c *ops.Connection) string { return c.BaseURL }},
		{"AUTH", authOf},
		{"CHANGED BY", func(c *ops.Connection) string { return c.UpdatedBy }},
	})
}

// authOf says how a connection's requests are authenticated.
func authOf(c *ops.Connection) string {
	if c.Auth == nil {
		return "-"
	}
	return string(c.Auth.Type) + " " + c.Auth.Secret
}

type connectionsShow struct {
	Name string `arg:"" help:"Name of the connection."`
}

// Run prints the connection.
func (c *connectionsShow) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, "/v1/connections/"+url.PathEscape(c.Name), showConnection)
}

type connectionsPut struct {
	Name string `arg:"" help:"Name of the connection, as templates have it."`
	File string `arg:"" help:"Its JSON: base_url, and maybe auth, allowed_hosts, headers, timeout; - for standard input."`
}

// Run stores the connection and prints it.
func (c *connectionsPut) Run(ctx context.Context, s *session) error {
	text, err := s.readFile(c.File)
	if err != nil {
		return err
	}
	answer, err := s.api.call(ctx, http.MethodPut, "/v1/connections/"+url.PathEscape(c.Name), text, "")
	if err != nil {
		return err
	}
	return one(s, answer, showConnection)
}

func showConnection(w io.Writer, c ops.Connection) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "name\t%s\nbase url\t%s\nauth\t%s\n", c.Name, c.BaseURL, authOf(&c))
	for _, h := range c.AllowedHosts {
		fmt.Fprintf(t, "redirects to\t%s\n", h)
	}
	if !c.Timeout.IsZero() {
		fmt.Fprintf(t, "timeout\t%s\n", c.Timeout)
	}
	fmt.Fprintf(t, "changed\t%s by %s\n", c.UpdatedAt.Format("2006-01-02 15:04"), c.UpdatedBy)
	_ = t.Flush() // as every print to w
}
