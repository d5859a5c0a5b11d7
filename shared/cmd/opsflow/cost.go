package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/meter"
	"opsflow/shared/ops"
)

type costCommand struct {
	Templates []string `arg:"" optional:"" help:"Names of the templates; absent: all built-in ones."`
	Runs      int      `default:"10" help:"How many runs of each are counted."`
	Running   bool     `help:"Print what the running local system has asked of AWS since it started, and for what."`
	Template  string   `default:"template.yaml" type:"path" help:"The SAM template that says what runs."`
}

// templateCost is what a million runs of a template cost.
type templateCost struct {
	Template string     `json:"template"`
	Each     meter.Use  `json:"each_run"`
	Million  meter.Cost `json:"per_million_runs"`
}

// Run runs each template's example on a system of its own, in memory and in virtual time, counts what it asks of AWS and
// prices that. People's answers over the API are counted, looking at how it goes is not.
func (c *costCommand) Run(ctx context.Context, s *session) error {
	if c.Running {
		return c.bill(ctx, s)
	}
	prices, err := meter.List()
	if err != nil {
		return err
	}
	if c.Runs < 1 {
		return ops.Invalid("argument", []ops.Fault{{Path: "--runs", Expected: "1 or more", Got: strconv.Itoa(c.Runs)}})
	}
	rt, err := local.Start(ctx, local.Options{
		AWSAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", Clock: clock.Virtual(time.Now()), Demo: true, Template: c.Template,
	})
	if err != nil {
		return err
	}
	costs, err := c.measure(ctx, s, rt, prices)
	if closed := rt.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	document := struct {
		Prices  meter.Prices   `json:"prices"`
		Assumed string         `json:"assumed"`
		Items   []templateCost `json:"items"`
	}{prices, meter.Assumed(), costs}
	return s.showValue(document, func(w io.Writer) {
		fmt.Fprintf(w, "%s per million runs, by AWS's prices of %s in %s; assumed: %s\n\n", prices.Currency, prices.AsOf, prices.Region, document.Assumed)
		named := column[templateCost]{"TEMPLATE", func(t templateCost) string { return t.Template }}
		rows(w, costs, append([]column[templateCost]{named}, costColumns(
			func(t templateCost) meter.Cost { return t.Million }, func(t templateCost) meter.Use { return t.Each },
		)...))
	})
}

// costColumns are what a cost is made of.
func costColumns[T any](cost func(T) meter.Cost, use func(T) meter.Use) []column[T] {
	money := func(of func(meter.Cost) float64) func(T) string {
		return func(t T) string { return strconv.FormatFloat(of(cost(t)), 'f', 2, 64) }
	}
	number := func(of func(meter.Use) float64) func(T) string {
		return func(t T) string { return strconv.FormatFloat(of(use(t)), 'f', 1, 64) }
	}
	return []column[T]{
		{"TOTAL", money(func(c meter.Cost) float64 { return c.Total })},
		{"DYNAMODB", money(func(c meter.Cost) float64 { return c.DynamoDB })},
		{"STEP FUNCTIONS", money(func(c meter.Cost) float64 { return c.StepFunctions })},
		{"LAMBDA", money(func(c meter.Cost) float64 { return c.Lambda })},
		{"EVENTBRIDGE", money(func(c meter.Cost) float64 { return c.EventBridge })},
		{"WRITE UNITS", number(func(u meter.Use) float64 { return u.WriteUnits })},
		{"READ UNITS", number(func(u meter.Use) float64 { return u.ReadUnits })},
		{"TRANSITIONS", number(func(u meter.Use) float64 { return u.Transitions + u.Executions })},
		{"INVOCATIONS", number(func(u meter.Use) float64 { return u.Invocations })},
	}
}

// bill prints what the running system has asked of AWS.
func (c *costCommand) bill(ctx context.Context, s *session) error {
	answer, err := s.api.send(ctx, http.MethodGet, "/dev/cost", "", nil, "")
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return ops.Errorf(ops.CodeNotFound, "%s counts nothing: only a local system (opsflow dev) does", s.api.base)
	}
	if err != nil {
		return err
	}
	var bill local.Bill
	if err := decode(answer, &bill); err != nil {
		return err
	}
	return s.showValue(bill, func(w io.Writer) {
		p := bill.Prices
		fmt.Fprintf(w, "%s %.4f since the start, by AWS's prices of %s in %s; assumed: %s\n", p.Currency, bill.Total.Total, p.AsOf, p.Region, bill.Assumed)
		fmt.Fprintf(w, "What a function does for a workflow is the workflow's. Costs are those of a million runs, units those of one.\n\n")
		rows(w, bill.Items, append([]column[meter.Account]{
			{"FOR", func(a meter.Account) string { return strings.TrimSpace(string(a.Kind) + " " + a.Name) }},
			{"RUNS", func(a meter.Account) string { return strconv.FormatFloat(a.Runs, 'f', 0, 64) }},
			{"CHARGED", func(a meter.Account) string { return strconv.FormatFloat(a.Cost.Total, 'f', 6, 64) }},
		}, costColumns(
			func(a meter.Account) meter.Cost { return a.PerMillion },
			func(a meter.Account) meter.Use { return a.Use.Times(1 / max(1, a.Runs)) },
		)...))
	})
}

// measure runs the templates.
func (c *costCommand) measure(ctx context.Context, s *session, rt *local.Runtime, prices meter.Prices) ([]templateCost, error) {
	own, err := newClient(rt.APIURL(), "")
	if err != nil {
		return nil, err
	}
	defer own.close()
	own.random = nil // what keys cost is the caller's own choice
	own.aside = func() (done func()) {
		_ = rt.Clock().WaitIdle(ctx) // what goes on is counted; when the context has ended nothing matters any more
		return rt.Meter().Pause()
	}
	on := &session{streams: s.streams, api: own, json: s.json}
	templates, err := on.newest(ctx, c.Templates)
	if err != nil {
		return nil, err
	}
	trial := trialCommand{Advance: true}
	var costs []templateCost
	for _, t := range templates {
		fmt.Fprintln(s.err, "counting", t.Name)
		run := func() error {
			r := trial.try(ctx, on, t)
			if r.Error != "" || r.Status != ops.InstanceCompleted {
				return fmt.Errorf("a run of %s is %s, waits for %q: %s", r.Template, r.Status, r.Waits, r.Error)
			}
			return rt.Clock().WaitIdle(ctx)
		}
		if err := run(); err != nil { // the first is not counted: whatever is read once is read then
			return nil, err
		}
		before := rt.Meter().Use()
		for range c.Runs {
			if err := run(); err != nil {
				return nil, err
			}
		}
		const million = 1e6
		each := rt.Meter().Use().Since(before).Times(1 / float64(c.Runs))
		costs = append(costs, templateCost{Template: ops.TemplateID(t.Name, t.Version), Each: each, Million: prices.Of(each.Times(million))})
	}
	return costs, nil
}
