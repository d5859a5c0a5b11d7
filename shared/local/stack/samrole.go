package stack

import (
	"fmt"

	"opsflow/shared/local/iam"
)

// tracingPolicy is what SAM gives to whatever is traced.
const tracingPolicy = "AWSXrayWriteOnlyAccess"

// madeBySAM adds what SAM gives to a role that it makes besides the policies of its function or state machine.
func (role *Role) madeBySAM(r *resolver, res resource, p properties) error {
	principal, managed := "lambda.amazonaws.com", []string{"AWSLambdaBasicExecutionRole"}
	if res.kind == typeStateMachine {
		principal, managed = "states.amazonaws.com", nil
	}
	if mode := p.text("Tracing"); mode != "" && mode != "Disabled" || p.sub("Tracing").text("Enabled") == "true" {
		managed = append(managed, tracingPolicy)
	}
	if p["VpcConfig"] != nil {
		managed = append(managed, "AWSLambdaVPCAccessExecutionRole")
	}
	for _, name := range managed {
		if name, statements, ok := iam.Managed(name); ok {
			role.Grants = append(role.Grants, granted(name, statements)...)
		}
	}
	var sends []properties
	if letters := p.sub("DeadLetterQueue"); letters != nil {
		sends = append(sends, properties{"Destination": letters.text("TargetArn")})
	}
	destinations := p.sub("EventInvokeConfig").sub("DestinationConfig")
	for _, outcome := range []string{"OnSuccess", "OnFailure"} {
		if to := destinations.sub(outcome); to != nil {
			sends = append(sends, to)
		}
	}
	for _, to := range sends {
		arn := to.text("Destination")
		if action := sending[service(arn)]; action != "" {
			role.Grants = append(role.Grants, granted("added by SAM", []iam.Statement{{Actions: []string{action}, Resources: []string{arn}}})...)
		}
	}
	trust := p["AssumeRolePolicyDocument"]
	if trust == nil {
		trust = map[string]any{"Statement": map[string]any{
			"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": principal},
		}}
	}
	var err error
	if role.Trust, err = iam.ParsePolicy(trust); err != nil {
		return fmt.Errorf("its trust policy: %w", err)
	}
	return role.bound(r, p)
}

// bound gives a role the boundary that it may have.
func (role *Role) bound(r *resolver, p properties) error {
	boundary := p.text("PermissionsBoundary")
	if boundary == "" {
		return nil
	}
	grants, err := r.managedPolicy(boundary)
	if err != nil {
		return fmt.Errorf("its permissions boundary: %w", err)
	}
	role.Boundary = []iam.Statement{}
	for i := range grants {
		role.Boundary = append(role.Boundary, grants[i].Statement)
	}
	return nil
}
