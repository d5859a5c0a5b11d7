package issuer

import "opsflow/shared/ops"

// Identity is somebody whom the local runtime offers to be.
type Identity struct {
	User   string   `json:"user"`
	Groups []string `json:"groups"`
	Does   string   `json:"does"` // in words
}

// Identities is one per role, the admin first.
func Identities() []Identity {
	return []Identity{
		{User: "admin", Groups: []string{string(ops.Admin)}, Does: "May do everything, and publishes templates"},
		{User: "operations", Groups: []string{string(ops.Operations)}, Does: "Bookings, workflows, rules"},
		{User: "vendor_management", Groups: []string{string(ops.VendorManagement)}, Does: "Vendors, and their approval"},
		{User: "quality_assurance", Groups: []string{string(ops.QualityAssurance)}, Does: "Quality checks and complaints"},
		{User: "finance", Groups: []string{string(ops.Finance)}, Does: "Payments, and their approval"},
	}
}

// groupsOf are the groups of an identity; none for anybody else.
func (i *Issuer) groupsOf(user string) []string {
	for _, id := range append(Identities(), i.Vendors...) {
		if id.User == user {
			return id.Groups
		}
	}
	return []string{}
}
