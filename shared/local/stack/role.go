package stack

import (
	"fmt"
	"strings"

	"opsflow/shared/local/iam"
)

// Role is what functions or a state machine run as.
type Role struct {
	LogicalID string // SAM's: the function's with "Role" behind it
	iam.Role
}

// The types of resources that say who may do what.
const (
	typeRole          = "AWS::IAM::Role"
	typeManagedPolicy = "AWS::IAM::ManagedPolicy"
	typeBusPolicy     = "AWS::Events::EventBusPolicy"
	typeQueuePolicy   = "AWS::SQS::QueuePolicy"
	typePermission    = "AWS::Lambda::Permission"
	typeTopicPolicy   = "AWS::SNS::TopicPolicy"
	typePolicy        = "AWS::IAM::Policy"
	typeRolePolicy    = "AWS::IAM::RolePolicy"
	typeConnector     = "AWS::Serverless::Connector"
)

// RoleOf finds a role by its ARN. nil: the role is not of this stack.
func (s *Stack) RoleOf(arn string) *Role {
	for _, r := range s.Roles {
		if r.ARN == arn {
			return r
		}
	}
	return nil
}

// roleFor gives the ARN of the role of a function or state machine: the one it names, else the one that SAM makes of its
// Policies.
func (s *Stack) roleFor(r *resolver, res resource, p properties) (string, error) {
	if arn := p.text("Role"); arn != "" {
		if p["Policies"] != nil {
			return "", r.fault(res.node, "%s has a Role, so that SAM would leave out its Policies", res.id)
		}
		return arn, nil
	}
	role := &Role{LogicalID: res.id + "Role", Role: iam.Role{ARN: roleARN + "opsflow-" + res.id + "Role"}}
	if err := role.madeBySAM(r, res, p); err != nil {
		return "", r.fault(res.node, "%s: %w", res.id, err)
	}
	policies, ok := p["Policies"].([]any)
	if !ok && p["Policies"] != nil {
		policies = []any{p["Policies"]}
	}
	for i, policy := range policies {
		grants, err := r.policy(policy, fmt.Sprintf("%s, policy %d", res.id, i+1))
		if err != nil {
			return "", r.fault(res.properties["Policies"], "policy %d of %s: %w", i+1, res.id, err)
		}
		role.Grants = append(role.Grants, grants...)
	}
	s.Roles = append(s.Roles, role)
	return role.ARN, nil
}

// policy reads one of SAM's Policies: the ARN of a managed policy, a document, or a policy template.
func (r *resolver) policy(policy any, name string) ([]iam.Grant, error) {
	switch policy := policy.(type) {
	case string:
		return r.managedPolicy(policy)
	case map[string]any:
		if policy["Statement"] != nil {
			statements, err := iam.ParsePolicy(policy)
			return granted(name, statements), err
		}
		if len(policy) != 1 {
			break
		}
		for template, v := range policy {
			given, _ := v.(map[string]any)
			parameters := map[string]string{}
			for key := range given {
				parameters[key] = properties(given).text(key)
			}
			statements, err := iam.ExpandTemplate(template, parameters, Region, Account)
			return granted(template, statements), err
		}
	}
	return nil, fmt.Errorf("%v is neither the ARN of a policy, nor a document, nor a policy template", policy)
}

func granted(policy string, statements []iam.Statement) []iam.Grant {
	out := make([]iam.Grant, len(statements))
	for i, s := range statements {
		out[i] = iam.Grant{Policy: policy, Statement: s}
	}
	return out
}

// managedPolicy reads a managed policy of the template.
func (r *resolver) managedPolicy(arn string) ([]iam.Grant, error) {
	for _, res := range r.resources {
		if res.kind != typeManagedPolicy {
			continue
		}
		own, err := r.ref(res.node, res.id)
		if err != nil {
			return nil, err
		}
		if own != arn {
			continue
		}
		document, err := r.value(res.properties["PolicyDocument"])
		if err != nil {
			return nil, err
		}
		statements, err := iam.ParsePolicy(document)
		if err != nil {
			return nil, r.fault(res.node, "managed policy %s: %w", res.id, err)
		}
		return granted(res.id, statements), nil
	}
	if name, statements, ok := iam.Managed(arn); ok {
		return granted(name, statements), nil
	}
	return nil, fmt.Errorf("%s is no managed policy of the template, and none of AWS's that the local runtime knows", arn)
}

// addRole reads a role that stands in the template itself.
func (s *Stack) addRole(r *resolver, res resource, p properties, arn string) error {
	role := &Role{LogicalID: res.id, Role: iam.Role{ARN: arn}}
	var err error
	if trust := p["AssumeRolePolicyDocument"]; trust != nil {
		if role.Trust, err = iam.ParsePolicy(trust); err != nil {
			return r.fault(res.node, "the trust policy of role %s: %w", res.id, err)
		}
	}
	if err := role.bound(r, p); err != nil {
		return r.fault(res.node, "role %s: %w", res.id, err)
	}
	for _, managed := range p.texts("ManagedPolicyArns") {
		grants, err := r.managedPolicy(managed)
		if err != nil {
			return r.fault(res.node, "role %s: %w", res.id, err)
		}
		role.Grants = append(role.Grants, grants...)
	}
	for _, inline := range p.list("Policies") {
		statements, err := iam.ParsePolicy(inline["PolicyDocument"])
		if err != nil {
			return r.fault(res.node, "policy %s of role %s: %w", inline.text("PolicyName"), res.id, err)
		}
		role.Grants = append(role.Grants, granted(inline.text("PolicyName"), statements)...)
	}
	s.Roles = append(s.Roles, role)
	return nil
}

// addResourcePolicy reads what a bus, a queue or a function says of who may use it.
func (s *Stack) addResourcePolicy(r *resolver, res resource, p properties) error {
	var statements []iam.Statement
	var err error
	switch res.kind {
	case typeQueuePolicy, typeTopicPolicy:
		statements, err = iam.ParsePolicy(p["PolicyDocument"])
	case typePermission:
		statements, err = permission(p)
	case typeBusPolicy:
		var one iam.Statement
		one, err = iam.ParseStatement(p["Statement"])
		statements = []iam.Statement{one}
	}
	if err != nil {
		return r.fault(res.node, "%s: %w", res.id, err)
	}
	s.ResourcePolicies = append(s.ResourcePolicies, statements...)
	return nil
}

// permission reads an AWS::Lambda::Permission.
func permission(p properties) ([]iam.Statement, error) {
	function := p.text("FunctionName")
	if !strings.HasPrefix(function, "arn:") { // its name
		function = named[typeFunction].arn + function
	}
	statement := map[string]any{
		"Effect": "Allow", "Action": p["Action"], "Resource": function,
		"Principal": map[string]any{"Service": p["Principal"]},
	}
	conditions := map[string]any{}
	if source := p.text("SourceArn"); source != "" {
		conditions["ArnLike"] = map[string]any{"aws:SourceArn": source}
	}
	if account := p.text("SourceAccount"); account != "" {
		conditions["StringEquals"] = map[string]any{"aws:SourceAccount": account}
	}
	if len(conditions) > 0 {
		statement["Condition"] = conditions
	}
	one, err := iam.ParseStatement(statement)
	return []iam.Statement{one}, err
}

// permit is the AWS::Lambda::Permission that SAM makes for a function's event.
func (s *Stack) permit(source, sourceARN, function string) error {
	made, err := permission(properties{
		"Action": "lambda:InvokeFunction", "FunctionName": function, "Principal": source, "SourceArn": sourceARN,
	})
	s.ResourcePolicies = append(s.ResourcePolicies, made...)
	return err
}
