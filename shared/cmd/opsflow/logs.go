package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"opsflow/shared/ops"
)

type logsCommand struct {
	Function string        `arg:"" optional:"" help:"Name of the function, with the stack's prefix or without; every function by default."`
	Follow   bool          `short:"f" help:"Go on with what is said from now on."`
	Since    time.Duration `help:"Only what was said within this time, such as 10m."`
	Limit    int           `default:"200" help:"How many lines at most, the last ones, up to 10000."`
}

// said is what the local runtime gives of its logs.
type said struct {
	Items []struct {
		At       time.Time `json:"at"`
		Function string    `json:"function"`
		Message  string    `json:"message"`
	} `json:"items"`
	Next string `json:"next"`
}

// Run prints what functions said.
func (c *logsCommand) Run(ctx context.Context, s *session) error {
	if c.Follow && s.json {
		return ops.Errorf(ops.CodeInvalid, "--json prints one document: it does not go with --follow")
	}
	since := ""
	if c.Since > 0 {
		since = c.Since.String()
	}
	answer, err := c.get(ctx, s, "since", since, "limit", strconv.Itoa(c.Limit))
	if err != nil {
		return err
	}
	for {
		next, err := c.show(s, answer)
		if err != nil || !c.Follow {
			return err
		}
		if answer, err = c.get(ctx, s, "after", next, "wait", "20s"); err != nil {
			return err
		}
	}
}

func (c *logsCommand) get(ctx context.Context, s *session, pairs ...string) (json.RawMessage, error) {
	answer, err := s.api.get(ctx, "/dev/logs", query(append(pairs, "function", c.Function)...))
	if ops.ErrorCode(err) == ops.CodeNotFound && !loopback(s.api.base.Hostname()) {
		err = ops.Errorf(ops.CodeNotFound, "%s is no local runtime; on AWS: aws logs tail /opsflow/<prefix> --follow", s.api.base)
	}
	return answer, err
}

// show prints lines, and tells where the next begin.
func (c *logsCommand) show(s *session, answer json.RawMessage) (next string, err error) {
	var page said
	if err := decode(answer, &page); err != nil {
		return "", err
	}
	if s.json {
		return "", s.show(answer, nil)
	}
	return page.Next, s.show(answer, func(io.Writer) {
		for _, l := range page.Items {
			line := l.At.Format("15:04:05.000") + "  "
			if c.Function == "" {
				line += l.Function + "  "
			}
			fmt.Fprintln(s.out, line+printable(l.Message))
		}
	})
}
