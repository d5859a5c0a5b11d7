package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/meter"
	"opsflow/shared/ops"
)

type costCommand struct {
	Templates []string `arg:"" optional:"" help:"Names of the templates; absent: all built-in ones."`
	Runs      int      `default:"10" help:"How many runs of each are counted."`
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
	prices, err := meter.List()
	if err != nil {
		return err
	}
	if c.Runs < 1 {
		return ops.Invalid("argument", []ops.Fault{{Path: "--runs", Expected: "1 or more", Got: strconv.Itoa(c.Runs)}})
	}
	m := &meter.Meter{}
	rt, err := local.Start(ctx, local.Options{
		AWSAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", Clock: clock.Virtual(time.Now()), Demo: true, Template: c.Template, Meter: m,
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
	}{prices, fmt.Sprintf("%s for an answer of AWS, %s to compute an invocation, %g GB", meter.AssumedRequest, meter.AssumedCompute, meter.AssumedGB), costs}
	return s.showValue(document, func(w io.Writer) {
		money := func(of func(meter.Cost) float64) func(templateCost) string {
			return func(t templateCost) string { return strconv.FormatFloat(of(t.Million), 'f', 2, 64) }
		}
		number := func(of func(meter.Use) float64) func(templateCost) string {
			return func(t templateCost) string { return strconv.FormatFloat(of(t.Each), 'f', 1, 64) }
		}
		fmt.Fprintf(w, "%s per million runs, by AWS's prices of %s in %s; assumed: %s\n\n", prices.Currency, prices.AsOf, prices.Region, document.Assumed)
		rows(w, costs, []column[templateCost]{
			{"TEMPLATE", func(t templateCost) string { return t.Template }},
			{"TOTAL", money(func(c meter.Cost) float64 { return c.Total })},
			{"DYNAMODB", money(func(c meter.Cost) float64 { return c.DynamoDB })},
			{"STEP FUNCTIONS", money(func(c meter.Cost) float64 { return c.StepFunctions })},
			{"LAMBDA", money(func(c meter.Cost) float64 { return c.Lambda })},
			{"EVENTBRIDGE", money(func(c meter.Cost) float64 { return c.EventBridge })},
			{"WRITE UNITS", number(func(u meter.Use) float64 { return u.WriteUnits })},
			{"READ UNITS", number(func(u meter.Use) float64 { return u.ReadUnits })},
			{"TRANSITIONS", number(func(u meter.Use) float64 { return u.Transitions + u.Executions })},
			{"INVOCATIONS", number(func(u meter.Use) float64 { return u.Invocations })},
		})
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
		before, err := rt.Usage(ctx)
		if err != nil {
			return nil, err
		}
		for range c.Runs {
			if err := run(); err != nil {
				return nil, err
			}
		}
		after, err := rt.Usage(ctx)
		if err != nil {
			return nil, err
		}
		const million = 1e6
		each := after.Since(before).Times(1 / float64(c.Runs))
		costs = append(costs, templateCost{Template: ops.TemplateID(t.Name, t.Version), Each: each, Million: prices.Of(each.Times(million))})
	}
	return costs, nil
}
