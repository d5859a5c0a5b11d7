package main

import (
	"context"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

type memberCommands struct {
	List membersList `cmd:"" help:"List members by id, each with how much open work they have."`
}

type membersList struct {
	pageFlags

	Team string `help:"Only those of this team."`
}

// member is a member as the API shows them.
type member struct {
	ops.Member

	OpenTasks int64 `json:"open_tasks"`
}

// Run prints a page of the list.
func (c *membersList) Run(ctx context.Context, s *session) error {
	return list(ctx, s, "/v1/members", query("team", c.Team), c.pageFlags, []column[*member]{
		{"ID", func(m *member) string { return m.ID }},
		{"NAME", func(m *member) string { return m.Name }},
		{"TEAMS", func(m *member) string { return strings.Join(words(m.Teams), " ") }},
		{"LEADS", func(m *member) string { return strings.Join(words(m.Leads), " ") }},
		{"ACTIVE", func(m *member) string { return strconv.FormatBool(m.Active) }},
		{"OPEN TASKS", func(m *member) string { return strconv.FormatInt(m.OpenTasks, 10) }},
		{"EMAIL", func(m *member) string { return m.Email }},
	})
}

func words(teams []ops.Team) []string {
	out := make([]string, len(teams))
	for i, t := range teams {
		out[i] = string(t)
	}
	return out
}
