package issuer

import "opsflow/shared/ops"

// Identity is somebody whom the local runtime offers to be.
type Identity struct {
	User   string   `json:"user"`
	Groups []string `json:"groups"`
}

// Identities is one per role, the admin first.
func Identities() []Identity {
	return []Identity{
		{User: "admin", Groups: []string{string(ops.Admin)}},
		{User: "operations", Groups: []string{string(ops.Operations)}},
		{User: "vendor_management", Groups: []string{string(ops.VendorManagement)}},
		{User: "quality_assurance", Groups: []string{string(ops.QualityAssurance)}},
		{User: "finance", Groups: []string{string(ops.Finance)}},
	}
}

// groupsOf are the groups of an identity; none for anybody else.
func groupsOf(user string) []string {
	for _, id := range Identities() {
		if id.User == user {
			return id.Groups
		}
	}
	return []string{}
}
