package stack

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"opsflow/shared/local/iam"
)

// attach gives roles the policies that stand beside them, and resources what connectors grant, once everything is read.
func (s *Stack) attach(r *resolver, res resource) error {
	switch res.kind {
	case typeManagedPolicy, typePolicy, typeRolePolicy, typeConnector:
	default:
		return nil
	}
	if holds, err := r.made(res); err != nil || !holds {
		return err
	}
	p, err := r.properties(res)
	if err != nil {
		return err
	}
	if res.kind == typeConnector {
		return s.connect(r, res, p)
	}
	statements, err := iam.ParsePolicy(p["PolicyDocument"])
	if err != nil {
		return r.fault(res.node, "%s: %w", res.id, err)
	}
	roles := p.texts("Roles")
	if name := p.text("RoleName"); name != "" && res.kind == typeRolePolicy {
		roles = append(roles, name)
	}
	for _, name := range roles {
		if err := s.grant(name, res.id, statements); err != nil {
			return r.fault(res.node, "%s: %w", res.id, err)
		}
	}
	return nil
}

// grant adds what a policy grants to a role of that name or ARN.
func (s *Stack) grant(role, policy string, statements []iam.Statement) error {
	name := role[strings.LastIndexByte(role, '/')+1:]
	for _, one := range s.Roles {
		if name != "" && strings.HasSuffix(one.ARN, "/"+name) {
			one.Grants = append(one.Grants, granted(policy, statements)...)
			return nil
		}
	}
	return fmt.Errorf("the role %q is not one of the template", name)
}

// connectors adds the connectors that stand with a resource, their source, as resources of their own: SAM names them by both.
func (d *document) connectors(p pair) error {
	parts, err := d.mapping(p.value)
	if err != nil || parts["Connectors"] == nil {
		return err
	}
	members, err := d.members(parts["Connectors"])
	if err != nil {
		return err
	}
	for _, m := range members {
		inner, err := d.mapping(m.value)
		if err != nil {
			return err
		}
		if inner["Properties"] == nil {
			return d.fault(m.value, "connector %s of %s has no Properties", m.key, p.key)
		}
		c := resource{id: p.key + m.key, kind: typeConnector, node: m.value, source: p.key}
		if condition, ok := parts["Condition"].(*ast.StringNode); ok {
			c.condition = condition.Value
		}
		if c.properties, err = d.mapping(inner["Properties"]); err != nil {
			return err
		}
		d.resources = append(d.resources, c)
	}
	return nil
}

// cloudFormation are the types that connectors know resources by, where SAM has others.
var cloudFormation = map[string]string{
	typeFunction: "AWS::Lambda::Function", typeStateMachine: "AWS::StepFunctions::StateMachine", typeHTTPAPI: "AWS::ApiGatewayV2::Api",
	typeSimpleTable: typeTable,
}

// connect grants what a connector does.
func (s *Stack) connect(r *resolver, res resource, p properties) error {
	source := properties{"Id": res.source}
	if res.source == "" {
		source = p.sub("Source")
	}
	for name, v := range p.sub("SourceReference") {
		source[name] = v
	}
	destinations := p.list("Destination")
	if one := p.sub("Destination"); one != nil {
		destinations = []properties{one}
	}
	if len(destinations) == 0 {
		return r.fault(res.node, "connector %s: 'Destination' is an empty list", res.id)
	}
	for _, destination := range destinations {
		if err := s.connectTo(r, res, p.texts("Permissions"), source, destination); err != nil {
			return r.fault(res.node, "connector %s: %w", res.id, err)
		}
	}
	return nil
}

func (s *Stack) connectTo(r *resolver, res resource, permissions []string, source, destination properties) error {
	from, err := r.end(res.node, source)
	if err != nil {
		return err
	}
	to, err := r.end(res.node, destination)
	if err != nil {
		return err
	}
	made, err := iam.Connect(from, to, permissions, Region, Account)
	if err != nil {
		return err
	}
	switch made.Of {
	case iam.SourceRole:
		return s.grantEnd("Source", s.roleAt(source, from, to.ARN), res.id, made.Statements)
	case iam.DestinationRole:
		return s.grantEnd("Destination", s.roleAt(destination, to, from.ARN), res.id, made.Statements)
	case iam.ResourcePolicy:
		s.ResourcePolicies = append(s.ResourcePolicies, made.Statements...)
	}
	return nil
}

func (s *Stack) grantEnd(which, role, connector string, statements []iam.Statement) error {
	if role == "" {
		return fmt.Errorf("unable to get IAM role name from '%s' resource", which)
	}
	return s.grant(role, connector, statements)
}

// end reads what a connector says of one of its ends: the Id of a resource of the template, or what is needed of another.
func (r *resolver) end(at ast.Node, p properties) (iam.End, error) {
	id := p.text("Id")
	if id == "" {
		kind := p.text("Type")
		if kind == "" {
			return iam.End{}, fmt.Errorf("'Type' is missing or not a string")
		}
		if known, ok := cloudFormation[kind]; ok {
			kind = known
		}
		return iam.End{Type: kind, ARN: p.text("Arn"), Name: p.text("Name"), ID: p.text("ResourceId"), Qualifier: p.text("Qualifier")}, nil
	}
	res, ok := r.find(id)
	if !ok {
		return iam.End{}, fmt.Errorf("unable to find resource with logical ID '%s'", id)
	}
	out := iam.End{Type: res.kind, Qualifier: p.text("Qualifier")}
	if known, ok := cloudFormation[res.kind]; ok {
		out.Type = known
	}
	if out.Qualifier == "" && res.kind == typeHTTPAPI {
		out.Qualifier = "*" // the whole API
	}
	arn, err := r.getAtt(at, id+".Arn")
	if err != nil {
		return iam.End{}, err
	}
	out.ARN = fmt.Sprint(arn)
	out.Name, err = r.name(res)
	out.ID = out.Name
	return out, err
}

// roleAt gives the role of one end of a connector, by name or ARN; "" when it has none. A rule's is that of its target.
func (s *Stack) roleAt(p properties, end iam.End, other string) string {
	if role := p.text("RoleName"); role != "" {
		return role
	}
	id := p.text("Id")
	for _, f := range s.Functions {
		if f.LogicalID == id {
			return f.RoleARN
		}
	}
	for _, m := range s.StateMachines {
		if m.LogicalID == id {
			return m.RoleARN
		}
	}
	for _, rule := range s.Rules {
		for _, t := range rule.Targets {
			if rule.ARN == end.ARN && t.ARN == other {
				return t.RoleARN
			}
		}
	}
	return ""
}
