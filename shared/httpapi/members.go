package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"opsflow/shared/ops"
)

func (a *api) memberRoutes() {
	handle(a, route{
		id: "list-members", method: http.MethodGet, path: "/v1/members", action: readMembers,
		summary: "List the people that work is given to, by id, each with how much open work they have",
	}, a.listMembers)
	handle(a, route{
		id: "get-member", method: http.MethodGet, path: "/v1/members/{id}", action: readMembers,
		summary: "Read a member",
	}, a.getMember)
	handle(a, route{
		id: "put-member", method: http.MethodPut, path: "/v1/members/{id}", record: byID(a.Store.Member), action: writeMembers,
		summary: "Add a member or replace one; who is no longer active, or leaves a team, loses its work to others",
	}, a.putMember)
}

// memberBody is what the API tells of a member.
type memberBody struct {
	*ops.Member

	OpenTasks int64 `json:"open_tasks" doc:"How many undecided tasks are theirs."`
}

type membersQuery struct {
	PageQuery
	Team string `query:"team" doc:"Only the members of this team; its name in any case."`
}

func (a *api) listMembers(ctx context.Context, q *membersQuery) (*listOutput[memberBody], error) {
	team, badTeam := teamQuery(q.Team)
	if err := invalid(badTeam); err != nil {
		return nil, err
	}
	everybody, err := a.Store.Members(ctx)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	var fitting []*ops.Member
	for _, m := range everybody {
		if team == "" || memberOf(m, team) {
			fitting = append(fitting, m)
		}
	}
	page, err := ops.Cut(ctx, a.Store, ops.List{Name: "members", Filter: team}, fitting, func(m *ops.Member) string { return m.ID }, q.request())
	if err != nil {
		return nil, err
	}
	bodies, err := a.memberViews(ctx, page.Items...)
	if err != nil {
		return nil, err
	}
	return listOf(ops.Page[memberBody]{Items: bodies, NextCursor: page.NextCursor, Count: page.Count}, same[memberBody]), nil
}

func memberOf(m *ops.Member, team ops.Team) bool { return ops.Actor{Teams: m.Teams}.In(team) }

func (a *api) getMember(ctx context.Context, in *IDPath) (*oneOutput[memberBody], error) {
	return a.oneMember(ctx, "read", func() (*ops.Member, error) { return a.Store.Member(ctx, in.ID) })
}

type putMemberInput struct {
	IDPath
	Body struct {
		Name   string     `json:"name" minLength:"1" maxLength:"200"`
		Teams  []ops.Team `json:"teams" nullable:"false" doc:"Whose work they get."`
		Leads  []ops.Team `json:"leads,omitempty" nullable:"false" doc:"Those of them that they lead: they may delegate its tasks, and get what is escalated."`
		Skills []string   `json:"skills,omitempty" nullable:"false" doc:"What they can do beyond what anybody of the team can, like a service type: work that asks for it goes to who has it."`
		Active bool       `json:"active" doc:"false: they get no work, and what they had goes to others."`
		Email  string     `json:"email,omitempty" maxLength:"254"`
		Phone  string     `json:"phone,omitempty" doc:"E.164." example:"+971501234567"`
	} `nameHint:"PutMember"`
}

func (a *api) putMember(ctx context.Context, in *putMemberInput) (*oneOutput[memberBody], error) {
	b := in.Body
	m := ops.Member{ID: in.ID, Name: b.Name, Teams: b.Teams, Leads: b.Leads, Skills: b.Skills, Active: b.Active, Email: b.Email, Phone: b.Phone}
	return a.oneMember(ctx, "write", func() (*ops.Member, error) { return a.Members.PutMember(ctx, m, actorOf(ctx)) })
}

func (a *api) oneMember(ctx context.Context, what string, do func() (*ops.Member, error)) (*oneOutput[memberBody], error) {
	m, err := do()
	if err != nil {
		return nil, fmt.Errorf("%s member: %w", what, err)
	}
	views, err := a.memberViews(ctx, m)
	if err != nil {
		return nil, err
	}
	return &oneOutput[memberBody]{ETag: etag(m), Body: views[0]}, nil
}

// memberViews shows members with how much they have to do, and leaves out what is only ours to know.
func (a *api) memberViews(ctx context.Context, members ...*ops.Member) ([]memberBody, error) {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	open, err := a.Store.OpenWork(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("count open work: %w", err)
	}
	views := make([]memberBody, len(members))
	for i, m := range members {
		shown := *m
		shown.Timers = nil
		views[i] = memberBody{Member: &shown, OpenTasks: open[m.ID]}
	}
	return views, nil
}
