package iam

import (
	_ "embed" // what SAM grants
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// connectorsJSON are the profiles of SAM's connectors between the types of resources that are here, as AWS SAM translator 1.115
// has them.
//
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/reference-sam-connector.html
//
//go:embed connectors.json
var connectorsJSON []byte

// End is a resource that a connector leads from or to. Its type is CloudFormation's; what the connector does not need may be
// empty.
type End struct{ Type, ARN, Name, ID, Qualifier string }

// Connection is what a connector grants.
type Connection struct {
	Of         Holder
	Statements []Statement
}

// Holder is who has the statements of a connector: the role of its source or its destination, or a resource's own policy.
type Holder string

// The holders.
const (
	SourceRole      Holder = "source"
	DestinationRole Holder = "destination"
	ResourcePolicy  Holder = "resource"
)

// Connect gives what a connector with some permissions (Read, Write) grants in a region and account. Errors are SAM's.
func Connect(source, destination End, permissions []string, region, account string) (Connection, error) {
	var profiles map[string]struct {
		Of     Holder
		Only   [][]string // the sets of permissions that are allowed; nil: any
		Grants map[string][]any
	}
	if err := json.Unmarshal(connectorsJSON, &profiles); err != nil {
		return Connection{}, fmt.Errorf("read SAM's connectors: %w", err)
	}
	profile, ok := profiles[source.Type+" > "+destination.Type]
	if !ok {
		return Connection{}, fmt.Errorf("unable to create connector from %s to %s; it's not supported or the template is invalid",
			source.Type, destination.Type)
	}
	known := slices.Sorted(maps.Keys(profile.Grants))
	permissions = slices.Compact(slices.Sorted(slices.Values(permissions)))
	if len(permissions) == 0 {
		return Connection{}, fmt.Errorf("'Permissions' cannot be empty; valid values are: %s", strings.Join(known, ", "))
	}
	values := pseudo(region, account)
	for prefix, end := range map[string]End{"Source": source, "Destination": destination} {
		values["${"+prefix+".Arn}"], values["${"+prefix+".Name}"] = end.ARN, end.Name
		values["${"+prefix+".ResourceId}"], values["${"+prefix+".Qualifier}"] = end.ID, end.Qualifier
	}
	out := Connection{Of: profile.Of}
	for _, p := range permissions {
		if !slices.Contains(known, p) {
			return Connection{}, fmt.Errorf("unsupported 'Permissions' provided for connector from %s to %s; valid values are: %s",
				source.Type, destination.Type, strings.Join(known, ", "))
		}
		if err := needed(profile.Grants[p], values); err != nil {
			return Connection{}, err
		}
		statements, err := expand(profile.Grants[p], values)
		if err != nil {
			return Connection{}, err
		}
		out.Statements = append(out.Statements, statements...)
	}
	if profile.Only != nil && !slices.ContainsFunc(profile.Only, func(set []string) bool { return slices.Equal(set, permissions) }) {
		var sets []string
		for _, set := range profile.Only {
			sets = append(sets, strings.Join(set, " + "))
		}
		return Connection{}, fmt.Errorf("unsupported 'Permissions' provided for connector from %s to %s; valid combinations are: %s",
			source.Type, destination.Type, strings.Join(sets, ", "))
	}
	return out, nil
}

// needed makes sure that whatever the statements name is known.
func needed(statements []any, values map[string]string) error {
	text, err := json.Marshal(statements)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] == "" && strings.Contains(string(text), name) {
			return fmt.Errorf("the connector needs %s", strings.Trim(name, "${}"))
		}
	}
	return nil
}
