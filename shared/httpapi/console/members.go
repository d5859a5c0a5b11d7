package console

import (
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// memberList is the view of the people that work is given to.
type memberList struct {
	Items []memberRow
	Pager pager
}

type memberRow struct {
	*ops.Member
	Open int64 // undecided tasks
}

// memberView is the view of one member, and of the form that changes or adds one.
type memberView struct {
	memberRow
	New    bool
	All    []ops.Team
	Error  string
	Faults []ops.Fault
}

// Has and Led report what is ticked for a team.
func (v memberView) Has(t ops.Team) bool { return has(v.Teams, t) }

// Led reports whether they lead it.
func (v memberView) Led(t ops.Team) bool { return has(v.Leads, t) }

func has(teams []ops.Team, t ops.Team) bool {
	for _, one := range teams {
		if one == t {
			return true
		}
	}
	return false
}

var memberPage = page{path: "/members/{id}", action: "member.read", section: "Members", file: "member", still: true}

func (c *Console) memberPages() {
	show(c, page{path: "/members", action: "member.read", section: "Members", file: "members"}, c.memberList)
	show(c, page{path: "/members/new", action: "member.write", section: "Members", file: "member", still: true}, func(*request) (memberView, error) {
		return memberView{New: true, All: ops.Teams(), memberRow: memberRow{Member: &ops.Member{Active: true}}}, nil
	})
	show(c, memberPage, c.member)
	do(c, "/members/{id}/save", "member.write", c.saveMember)
}

func (c *Console) memberList(q *request) (memberList, error) {
	all, err := c.Store.Members(q.Context())
	if err != nil {
		return memberList{}, fmt.Errorf("list members: %w", err)
	}
	ids := make([]string, len(all))
	for i, m := range all {
		ids[i] = m.ID
	}
	open, err := c.Store.OpenWork(q.Context(), ids)
	if err != nil {
		return memberList{}, fmt.Errorf("count open work: %w", err)
	}
	v := memberList{Pager: pager{Count: fmt.Sprintf("%d %s", len(all), plural(len(all), "members"))}}
	for _, m := range all {
		v.Items = append(v.Items, memberRow{m, open[m.ID]})
	}
	return v, nil
}

func (c *Console) member(q *request) (memberView, error) {
	m, err := c.Store.Member(q.Context(), q.PathValue("id"))
	if err != nil {
		return memberView{}, fmt.Errorf("read member: %w", err)
	}
	open, err := c.Store.OpenWork(q.Context(), []string{m.ID})
	if err != nil {
		return memberView{}, fmt.Errorf("count open work: %w", err)
	}
	return memberView{memberRow: memberRow{m, open[m.ID]}, All: ops.Teams()}, nil
}

func (c *Console) saveMember(q *request) (outcome, error) {
	m := ops.Member{
		ID: q.PathValue("id"), Name: strings.TrimSpace(q.field("name")), Email: strings.TrimSpace(q.field("email")),
		Phone: strings.TrimSpace(q.field("phone")), Active: q.field("active") == "true", Skills: strings.FieldsFunc(q.field("skills"), func(r rune) bool { return r == ',' || r == ' ' }),
	}
	v := memberView{memberRow: memberRow{Member: &m}, All: ops.Teams(), New: m.ID == "new"}
	if v.New {
		m.ID = strings.TrimSpace(q.field("id"))
	}
	for _, team := range q.PostForm["team"] {
		m.Teams = append(m.Teams, ops.Team(team))
	}
	for _, team := range q.PostForm["lead"] {
		m.Leads = append(m.Leads, ops.Team(team))
	}
	_, err := c.Members.PutMember(q.Context(), m, q.Actor)
	if told, ok := errors.AsType[*ops.Error](err); ok && told.Code == ops.CodeInvalid {
		v.Error, v.Faults = sentence(told.Message), told.Faults
		return outcome{}, &invalidForm{page: memberPage, view: v, err: err}
	}
	if err != nil {
		return outcome{}, fmt.Errorf("write member: %w", err)
	}
	return outcome{to: "/members/" + m.ID, said: m.Name + " is saved."}, nil
}
