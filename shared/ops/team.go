package ops

import (
	"slices"
	"strings"
)

// Team is a group of people that work is routed to, and that gives its members rights.
type Team string

// The four teams, and the admins, who may do everything.
const (
	Operations       Team = "Operations"
	VendorManagement Team = "Vendor_Management"
	QualityAssurance Team = "Quality_Assurance"
	Finance          Team = "Finance"
	Admin            Team = "Admin"
	// Vendors are not of the house: each of them, by the id of the user, may answer its own offers and nothing else.
	Vendors Team = "Vendors"
)

// Teams lists the teams that work can be routed to.
func Teams() []Team { return []Team{Operations, VendorManagement, QualityAssurance, Finance} }

// ParseTeam finds a team, Admin or Vendors, by its name in any case.
func ParseTeam(s string) (Team, bool) {
	for _, t := range append(Teams(), Admin, Vendors) {
		if strings.EqualFold(string(t), s) {
			return t, true
		}
	}
	return "", false
}

// Actor is who does something: a person, or a part of opsflow itself.
type Actor struct {
	ID    string `json:"id"`             // a token's subject, or "opsflow"
	Name  string `json:"name,omitempty"` // for people to read
	Teams []Team `json:"teams,omitempty"`
}

// System is the actor of what nobody asked for: rules, timers, repairs.
func System() Actor { return Actor{ID: "opsflow", Name: "opsflow"} }

// OnlyVendor reports whether the actor is a vendor and nothing else: it may see nothing but its own offers.
func (a Actor) OnlyVendor() bool {
	return len(a.Teams) > 0 && !slices.ContainsFunc(a.Teams, func(t Team) bool { return t != Vendors })
}

// In reports whether the actor is a member of the team; admins are members of all.
func (a Actor) In(team Team) bool {
	for _, t := range a.Teams {
		if t == team || t == Admin {
			return true
		}
	}
	return false
}
