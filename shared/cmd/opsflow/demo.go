package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

type demoCommand struct {
	Pace time.Duration `help:"Real time between scenes, so that it can be watched in the console."`
}

// Run plays the day against the running local system, and prints what it left there.
func (c *demoCommand) Run(ctx context.Context, s *session) error {
	t, err := newTour(ctx, s)
	if err != nil {
		return err
	}
	if err := t.play(ctx, day(), c.Pace); err != nil {
		return err
	}
	sum, err := t.summary(ctx)
	if err != nil {
		return err
	}
	if err := s.showValue(sum, sum.table); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "\nWhat happened can be seen at %s: sign in as anybody.\n", s.api.base)
	return nil
}

// tourSummary is what a tour leaves behind. It is the same each time.
type tourSummary struct {
	Events    int                       `json:"events"`    // that the tour sent
	Workflows map[string]map[string]int `json:"workflows"` // by template, then status
	Waiting   int                       `json:"waiting"`   // of the workflows, for an open task
	Tasks     map[string]map[string]int `json:"tasks"`     // by team, then status
	Alerts    map[string]map[string]int `json:"alerts"`    // by type, then status
	Messages  map[string]map[string]int `json:"messages"`  // by template of the message, then status
}

func (t tourSummary) table(w io.Writer) {
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
