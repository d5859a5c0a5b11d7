package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/local/tour"
)

type demoCommand struct {
	Pace time.Duration `help:"Real time between scenes, so that it can be watched in the console."`
}

// Run plays the day against the running local system, and prints what it left there.
func (c *demoCommand) Run(ctx context.Context, s *session) error {
	t, err := tour.New(ctx, func(ctx context.Context, method, path, token string, body []byte) (json.RawMessage, error) {
		return s.api.send(ctx, method, path, token, body, "")
	})
	if err != nil {
		return err
	}
	err = t.Play(ctx, c.Pace, func(at time.Time, what string, _ float64) {
		fmt.Fprintf(s.err, "%s  %s\n", at.Format("Mon 15:04"), what)
	})
	if err != nil {
		return err
	}
	sum, err := t.Summary(ctx)
	if err != nil {
		return err
	}
	if err := s.showValue(sum, func(w io.Writer) { tourTable(w, sum) }); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "\nWhat happened can be seen at %s: sign in as anybody.\n", s.api.base)
	return nil
}

// tourTable lays out what a tour leaves behind.
func tourTable(w io.Writer, t tour.Summary) {
	row(w, "events sent", strconv.Itoa(t.Events))
	row(w, "workflows waiting for a task", strconv.Itoa(t.Waiting))
	for _, part := range []struct {
		title string
		of    map[string]map[string]int
	}{{"WORKFLOWS", t.Workflows}, {"TASKS", t.Tasks}, {"ALERTS", t.Alerts}, {"MESSAGES", t.Messages}} {
		fmt.Fprintln(w)
		row(w, part.title, "STATUS", "COUNT")
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			for _, status := range slices.Sorted(maps.Keys(part.of[name])) {
				row(w, name, status, strconv.Itoa(part.of[name][status]))
			}
		}
	}
}
