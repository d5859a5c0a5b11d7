package ops

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
)

// Member is a person that work is given to. Who may do what follows from their token's groups; this says whose work goes
// to whom, and how they are reached.
type Member struct {
	Meta
	ID     string   `json:"id"` // the subject of their tokens
	Name   string   `json:"name"`
	Teams  []Team   `json:"teams"`            // whose work they get
	Leads  []Team   `json:"leads,omitempty"`  // teams that they lead: they may give its tasks to others
	Skills []string `json:"skills,omitempty"` // what they can do, beyond what anybody of the team can: a service type, a language
	Active bool     `json:"active"`           // false: they get no work, and what they had goes to others
	Email  string   `json:"email,omitempty"`
	Phone  string   `json:"phone,omitempty"` // E.164: +971501234567
}

// Ref names the record.
func (m *Member) Ref() Ref { return Ref{KindMember, m.ID} }

// Takes reports whether work of the team can be given to the member.
func (m *Member) Takes(team Team) bool { return m.Active && slices.Contains(m.Teams, team) }

// TimerReassign is set on a member who has lost a team, until their work has gone to others.
const TimerReassign = "reassign"

// MemberStore keeps members.
type MemberStore interface {
	// Member reads one, consistently. CodeNotFound.
	Member(ctx context.Context, id string) (*Member, error)
	// Members reads all of them, consistently, ordered by id.
	Members(ctx context.Context) ([]*Member, error)
	// OpenWork tells how many undecided tasks each of these people has: exactly, as of some moment during the call.
	OpenWork(ctx context.Context, members []string) (map[string]int64, error)
}

// OpenWorkID names the counter of somebody's open tasks. Save keeps it; see Task.Counted.
func OpenWorkID(member string) string { return "work/" + member }

// ValidPhone reports whether s is a telephone number in E.164 notation: a plus and 7 to 15 digits, no zero first.
func ValidPhone(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && 7 <= len(digits) && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// ValidEmail reports whether s is one e-mail address and nothing else.
func ValidEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= maxEmail
}

const (
	maxEmail      = 254
	maxMemberName = 200
	maxSkills     = 50
)

// Faults tells everything that is wrong with a member.
func (m *Member) Faults() []Fault {
	c := &checker{}
	c.id("$.id", m.ID)
	c.text("$.name", m.Name, maxMemberName)
	for i, t := range m.Teams {
		path := fmt.Sprintf("$.teams[%d]", i)
		member(c, path, t, Teams())
		c.require(slices.Index(m.Teams, t) == i, path, "named once", string(t))
	}
	for i, t := range m.Leads {
		c.require(slices.Contains(m.Teams, t), fmt.Sprintf("$.leads[%d]", i), "one of their teams", string(t))
	}
	c.require(len(m.Skills) <= maxSkills, "$.skills", fmt.Sprintf("at most %d skills", maxSkills), strconv.Itoa(len(m.Skills)))
	for i, skill := range m.Skills {
		path := fmt.Sprintf("$.skills[%d]", i)
		c.id(path, skill)
		c.require(slices.Index(m.Skills, skill) == i, path, "named once", skill)
	}
	c.require(m.Email == "" || ValidEmail(m.Email), "$.email", "an e-mail address", m.Email)
	c.require(m.Phone == "" || ValidPhone(m.Phone), "$.phone", "a number like +971501234567", m.Phone)
	return c.faults
}
