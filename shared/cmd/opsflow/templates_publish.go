package main

import (
	"context"
	"net/url"
	"strconv"
)

// templateVersion names one version of a template.
type templateVersion struct {
	Name    string `arg:"" help:"Name of the template."`
	Version int    `arg:"" help:"Its version."`
}

func templatePath(name string, version int) string {
	return "/v1/templates/" + url.PathEscape(name) + "/versions/" + strconv.Itoa(version)
}

// move does something to a version and shows what became of it.
func (v *templateVersion) move(ctx context.Context, s *session, what string, body any) error {
	answer, err := s.api.post(ctx, templatePath(v.Name, v.Version)+"/"+what, body, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeTemplate)
}

type templatesPublish struct {
	templateVersion

	Try bool `help:"Do not activate it: it starts only where its number is named (workflows start NAME --version N)."`
}

// Run publishes the version.
func (c *templatesPublish) Run(ctx context.Context, s *session) error {
	return c.move(ctx, s, "publish", struct {
		Activate bool `json:"activate"`
	}{!c.Try})
}

type activation struct {
	templateVersion

	Reason string `help:"Why; it is kept."`
}

func (a *activation) move(ctx context.Context, s *session, what string) error {
	return a.templateVersion.move(ctx, s, what, struct {
		Reason string `json:"reason,omitempty"`
	}{a.Reason})
}

type templatesActivate struct{ activation }

// Run activates the version.
func (c *templatesActivate) Run(ctx context.Context, s *session) error {
	return c.move(ctx, s, "activate")
}

type templatesDeactivate struct{ activation }

// Run withdraws the version.
func (c *templatesDeactivate) Run(ctx context.Context, s *session) error {
	return c.move(ctx, s, "deactivate")
}
