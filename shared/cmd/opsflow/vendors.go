package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

type vendorCommands struct {
	List  vendorsList  `cmd:"" help:"List vendors, newest first."`
	Rank  vendorsRank  `cmd:"" help:"Rank all vendors for a booking, each that is left out with its reason."`
	Score vendorsScore `cmd:"" help:"Show how good a vendor is, by part, and how sure that is."`
}

type vendorsList struct {
	pageFlags

	Active   string `help:"Only those that are active (true), or not (false)."`
	Category string `help:"Only those that perform this type of service."`
	Area     string `help:"Only those that work in this area."`
}

// Run prints a page of the list.
func (c *vendorsList) Run(ctx context.Context, s *session) error {
	return list(ctx, s, "/v1/vendors", query("active", c.Active, "category", c.Category, "area", c.Area), c.pageFlags, []column[*ops.Vendor]{
		{"ID", func(v *ops.Vendor) string { return v.ID }},
		{"NAME", func(v *ops.Vendor) string { return v.Name }},
		{"ACTIVE", func(v *ops.Vendor) string { return strconv.FormatBool(v.Active) }},
		{"VERIFIED", func(v *ops.Vendor) string { return strconv.FormatBool(v.Verified) }},
		{"RATING", func(v *ops.Vendor) string { return fmt.Sprintf("%g of %d", v.Rating, v.Ratings) }},
	})
}

type vendorsRank struct {
	pageFlags

	Booking string `arg:"" help:"Id of the booking."`
}

// Run prints the ranking.
func (c *vendorsRank) Run(ctx context.Context, s *session) error {
	return list(ctx, s, "/v1/vendors", query("rank_for", c.Booking), c.pageFlags, []column[ops.Candidate]{
		{"VENDOR", func(v ops.Candidate) string { return v.VendorID }},
		{"SCORE", func(v ops.Candidate) string {
			if v.Excluded != "" {
				return "-"
			}
			return fmt.Sprintf("%.2f", v.Score)
		}},
		{"LEFT OUT", func(v ops.Candidate) string { return v.Excluded }},
	})
}

type vendorsScore struct {
	ID string `arg:"" help:"Id of the vendor."`
}

// Run prints the score.
func (c *vendorsScore) Run(ctx context.Context, s *session) error {
	return fetch(ctx, s, "/v1/vendors/"+url.PathEscape(c.ID)+"/score", func(w io.Writer, score vendor.Score) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		overall := "-"
		if score.Value != nil {
			overall = fmt.Sprintf("%.2f", *score.Value)
		}
		fmt.Fprintln(t, "METRIC\tVALUE\tLEVEL\tCONFIDENCE\tDATA POINTS")
		fmt.Fprintf(t, "overall\t%s\t%s\t%.2f\t%d\n", overall, score.Level, score.Confidence, score.DataPoints)
		for _, m := range score.Parts {
			value := "-"
			if m.Level != ops.Insufficient {
				value = fmt.Sprintf("%.2f", m.Value)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%.2f\t%d\n", m.Type, value, m.Level, m.Confidence, m.DataPoints)
		}
		_ = t.Flush() // as every print to w
	})
}
