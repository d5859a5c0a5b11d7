package console

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// vendorList is the view of the vendors.
type vendorList struct {
	Measures []ops.MetricType // the columns
	Items    []vendorRow
	Pager    pager
	Booking  string
	Filters  []filter
	Category string
	Area     string
}

// yesNo is a choice of a filter.
type yesNo string

type vendorRow struct {
	*ops.Vendor
	Overall bar
	Bars    []bar // as Measures
}

// bar shows a metric: 0 to 100 percent, or that there is too little data to say.
type bar struct {
	Label string
	Value float64
	Known bool
	Sure  string // how sure the value is, while there is too little data; empty: there is none at all
	Level ops.Level
}

// vendorView is the view of one vendor.
type vendorView struct {
	*ops.Vendor
	Score   *vendor.Score
	Overall bar
	Metrics []metricRow
	Offers  []*ops.Task // that wait for its answer
}

type metricRow struct {
	*ops.Metric
	Bar     bar
	Percent string        // of confidence
	Trend   template.HTML // month by month; empty: there are not two months yet
}

// ranking is the view of the vendors as candidates for a booking.
type ranking struct {
	Booking  string
	Parts    []string
	Ranked   []candidate
	Excluded []ops.Candidate
	Error    string
}

type candidate struct {
	ops.Candidate
	Place  int
	Bar    bar
	Points []option // as Parts
}

func (c *Console) vendorPages() {
	show(c, page{path: "/vendors", action: "vendor.read", section: "Vendors", file: "vendors"}, c.vendorList)
	show(c, page{path: "/vendors/rank", action: "vendor.read", section: "Vendors", file: "ranking"}, c.ranking)
	show(c, page{path: "/vendors/{id}", action: "vendor.read", section: "Vendors", file: "vendor"}, c.vendor)
}

// Tone is green from 80 percent, amber from 60, else red.
func (b bar) Tone() string {
	switch {
	case !b.Known:
		return "grey"
	case b.Value >= 80:
		return "green"
	case b.Value >= 60:
		return "amber"
	}
	return "red"
}

// Text is the value in whole percent.
func (b bar) Text() string { return strconv.Itoa(int(math.Round(b.Value))) }

func metricBar(m *ops.Metric) bar {
	b := bar{Label: words(m.Type), Level: m.Level, Known: m.Level != ops.Insufficient}
	if m.MaxValue > 0 {
		b.Value = 100 * m.Value / m.MaxValue
	}
	if !b.Known && m.DataPoints > 0 {
		b.Sure = strconv.Itoa(int(math.Round(100*m.Confidence))) + " % sure"
	}
	return b
}

func overall(s *vendor.Score) bar {
	b := bar{Label: "Overall score", Level: s.Level}
	if s.Value != nil {
		b.Value, b.Known = *s.Value, true
	}
	return b
}

func (c *Console) vendorList(q *request) (vendorList, error) {
	v := vendorList{Measures: []ops.MetricType{ops.QualityScore, ops.CustomerSatisfaction, ops.CompletionRate, ops.Punctuality}}
	active, chosen := choose(q, "Active", "active", "Active or not", []yesNo{"yes", "no"})
	v.Filters, v.Category, v.Area = []filter{active}, strings.TrimSpace(q.field("category")), strings.TrimSpace(q.field("area"))
	f := ops.VendorFilter{Category: v.Category, Area: v.Area, PageRequest: pageRequest(q)}
	if chosen != "" {
		is := chosen == "yes"
		f.Active = &is
	}
	p, err := c.Store.Vendors(q.Context(), f)
	if err != nil {
		return v, fmt.Errorf("list vendors: %w", err)
	}
	v.Pager = pages(q, p, "vendors")
	v.Items = make([]vendorRow, len(p.Items))
	g, ctx := errgroup.WithContext(q.Context())
	g.SetLimit(maxLookups)
	for i, one := range p.Items {
		g.Go(func() error {
			s, err := c.Vendors.Score(ctx, one.ID)
			if err != nil {
				return err
			}
			v.Items[i] = vendorRow{Vendor: one, Overall: overall(s)}
			for _, kind := range v.Measures {
				at := slices.IndexFunc(s.Parts, func(m *ops.Metric) bool { return m.Type == kind })
				if at >= 0 {
					v.Items[i].Bars = append(v.Items[i].Bars, metricBar(s.Parts[at]))
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return v, fmt.Errorf("score vendors: %w", err)
	}
	return v, nil
}

func (c *Console) vendor(q *request) (vendorView, error) {
	id := q.PathValue("id")
	one, err := c.Store.Vendor(q.Context(), id)
	if err != nil {
		return vendorView{}, fmt.Errorf("read vendor: %w", err)
	}
	v := vendorView{Vendor: one}
	if v.Score, err = c.Vendors.Score(q.Context(), id); err != nil {
		return v, fmt.Errorf("score vendor %s: %w", id, err)
	}
	v.Overall = overall(v.Score)
	past, err := c.Vendors.Metrics(q.Context(), ops.MetricFilter{VendorID: id, PageRequest: ops.PageRequest{Limit: ops.MaxPageLimit}})
	if err != nil {
		return v, fmt.Errorf("list the metrics of vendor %s: %w", id, err)
	}
	for _, m := range v.Score.Parts {
		v.Metrics = append(v.Metrics, metricRow{
			Metric: m, Bar: metricBar(m), Percent: strconv.Itoa(int(math.Round(100*m.Confidence))) + " %", Trend: trend(m, past.Items),
		})
	}
	tasks, err := c.Store.Tasks(q.Context(), ops.TaskFilter{Assignee: id, PageRequest: ops.PageRequest{Limit: ops.MaxPageLimit}})
	if err != nil {
		return v, fmt.Errorf("list the offers of vendor %s: %w", id, err)
	}
	for _, t := range tasks.Items {
		if t.Offer != nil && !t.Status.Decided() {
			v.Offers = append(v.Offers, t)
		}
	}
	return v, nil
}

// The size of a trend's drawing, and the room that its ends need.
const (
	trendWidth, trendHeight = 120.0, 28.0
	trendRoom               = 4.0
)

// trend draws how a metric went from month to month, oldest first: from 0 at the bottom to 100 percent at the top.
func trend(now *ops.Metric, newestFirst []*ops.Metric) template.HTML {
	kind := now.Type
	var values []float64
	for _, m := range slices.Backward(newestFirst) {
		if m.Type == kind && m.Level != ops.Insufficient {
			values = append(values, metricBar(m).Value)
		}
	}
	if len(values) < 2 {
		return ""
	}
	var points strings.Builder
	x, y := 0.0, 0.0
	for i, value := range values {
		x = trendRoom + (trendWidth-2*trendRoom)*float64(i)/float64(len(values)-1)
		y = trendHeight - trendRoom - (trendHeight-2*trendRoom)*value/100
		fmt.Fprintf(&points, "%.1f,%.1f ", x, y)
	}
	last := bar{Value: values[len(values)-1], Known: now.Level != ops.Insufficient}
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers and words of ours
		`<svg class="trend %s" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s over %d months: from %.0f to %.0f percent"><polyline points="%s"/><circle cx="%.1f" cy="%.1f" r="2.6"/></svg>`,
		last.Tone(), trendWidth, trendHeight, trendWidth, trendHeight, words(kind), len(values), values[0], last.Value,
		strings.TrimSpace(points.String()), x, y))
}

func (c *Console) ranking(q *request) (ranking, error) {
	v := ranking{
		Booking: strings.TrimSpace(q.field("booking")),
		Parts:   []string{vendor.Availability, vendor.Proximity, vendor.Rating, vendor.Specialisation, vendor.Price, vendor.Response},
	}
	if v.Booking == "" {
		return v, nil
	}
	ranked, err := c.Vendors.RankFor(q.Context(), v.Booking)
	if told, ok := errors.AsType[*ops.Error](err); ok && (told.Code == ops.CodeNotFound || told.Code == ops.CodeInvalid) {
		v.Error = sentence(told.Error())
		return v, nil
	}
	if err != nil {
		return v, fmt.Errorf("rank vendors: %w", err)
	}
	for _, one := range ranked {
		if one.Excluded != "" {
			v.Excluded = append(v.Excluded, one)
			continue
		}
		row := candidate{Candidate: one, Place: len(v.Ranked) + 1, Bar: bar{Label: "Score of " + one.Name, Value: one.Score, Known: true}}
		for _, part := range v.Parts {
			row.Points = append(row.Points, option{strconv.FormatFloat(one.Parts[part], 'f', 1, 64), words(part)})
		}
		v.Ranked = append(v.Ranked, row)
	}
	return v, nil
}
