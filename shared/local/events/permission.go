package events

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"

	"opsflow/shared/local/constraint"
)

// policy is the policy document of a bus. Statements are kept as they are written.
type policy struct {
	Version   string
	Statement []map[string]any
}

func readPolicy(text string) (policy, error) {
	p := policy{Version: "2012-10-17"}
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, invalid("The policy is not a valid JSON document: %s.", err)
	}
	return p, nil
}

func (p *policy) find(id string) int {
	return slices.IndexFunc(p.Statement, func(s map[string]any) bool { return s["Sid"] == id })
}

type permissionIn struct {
	EventBusName, Action, Principal, StatementID, Policy string
	Condition                                            *struct{ Type, Key, Value string }
}

var (
	sidPattern       = regexp.MustCompile(`[a-zA-Z0-9-_]+`)
	principalPattern = regexp.MustCompile(`(\d{12}|\*)`)
)

// statement is what PutPermission adds when it is given no whole policy.
func (in *permissionIn) statement(bus string) (map[string]any, error) {
	var f constraint.Faults
	f.Required("statementId", in.StatementID)
	f.Length("statementId", in.StatementID, 0, 64)
	f.Pattern("statementId", in.StatementID, sidPattern)
	f.Required("principal", in.Principal)
	f.Pattern("principal", in.Principal, principalPattern)
	f.Required("action", in.Action)
	if err := broken(f); err != nil {
		return nil, err
	}
	if in.Action != "events:PutEvents" {
		return nil, invalid("Provided value in parameter 'action' is not supported.")
	}
	s := map[string]any{"Sid": in.StatementID, "Effect": "Allow", "Principal": "*", "Action": in.Action, "Resource": bus}
	if in.Principal != "*" {
		s["Principal"] = map[string]any{"AWS": "arn:aws:iam::" + in.Principal + ":root"}
	}
	if c := in.Condition; c != nil {
		s["Condition"] = map[string]any{c.Type: map[string]any{c.Key: c.Value}}
	}
	return s, nil
}

func apiPutPermission(ctx context.Context, e *Engine, in permissionIn) (any, error) {
	_, err := e.changeBus(ctx, in.EventBusName, func(b *Bus) error {
		if in.Policy != "" {
			if _, err := readPolicy(in.Policy); err != nil {
				return err
			}
			b.Policy = in.Policy
			return nil
		}
		s, err := in.statement(b.ARN)
		if err != nil {
			return err
		}
		p, err := readPolicy(b.Policy)
		if err != nil {
			return err
		}
		if i := p.find(in.StatementID); i >= 0 {
			p.Statement[i] = s
		} else {
			p.Statement = append(p.Statement, s)
		}
		b.Policy = string(mustJSON(p))
		return nil
	})
	return nil, err
}

func apiRemovePermission(ctx context.Context, e *Engine, in struct {
	EventBusName, StatementID string
	RemoveAllPermissions      bool
},
) (any, error) {
	_, err := e.changeBus(ctx, in.EventBusName, func(b *Bus) error {
		if in.RemoveAllPermissions {
			b.Policy = ""
			return nil
		}
		if b.Policy == "" {
			return notFound("EventBus does not have a policy.")
		}
		p, err := readPolicy(b.Policy)
		if err != nil {
			return err
		}
		i := p.find(in.StatementID)
		if i < 0 {
			return notFound("Statement with the provided id does not exist.")
		}
		p.Statement = slices.Delete(p.Statement, i, i+1)
		if b.Policy = ""; len(p.Statement) > 0 {
			b.Policy = string(mustJSON(p))
		}
		return nil
	})
	return nil, err
}
