package states

import (
	"context"
	"fmt"
	"strings"
)

// Roles are asked what a role may do. Errors have a method ErrorCode() string, which gives their AWS name.
type Roles interface {
	// May asks whether a role may do something on a resource, in the name of an execution.
	May(role, execution, action, resource string) error
	// MayAssume asks whether the role of a state machine, given by its ARN, may act as another.
	MayAssume(machine, role, execution, other string) error
	// Trusts reports whether a role lets Step Functions act as it, for a state machine.
	Trusts(role, machine string) bool
}

// allMighty are roles that nobody holds to anything.
type allMighty struct{}

func (allMighty) May(string, string, string, string) error       { return nil }
func (allMighty) MayAssume(string, string, string, string) error { return nil }
func (allMighty) Trusts(string, string) bool                     { return true }

// childrensRule is the rule by which Step Functions hears how the executions end that other ones wait for.
const childrensRule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"

// checkGiven refuses a role that does not let Step Functions in, or that lacks what a definition needs as soon as it is there.
// The words are AWS's.
func (e *Engine) checkGiven(ctx context.Context, name, role, definition string) error {
	if !e.roles.Trusts(role, e.machineARN(name)) {
		return apiError("AccessDeniedException", "Neither the global service principal states.amazonaws.com, nor the regional one is "+
			"authorized to assume the provided role.")
	}
	g, err := e.definition(ctx, definition)
	if err != nil || !g.waitsForChildren() {
		return err
	}
	for _, action := range []string{"events:PutTargets", "events:PutRule", "events:DescribeRule"} {
		if e.roles.May(role, name, action, "arn:aws:events:"+e.region+":"+e.account+":"+childrensRule) != nil {
			return apiError("AccessDeniedException", "'%s' is not authorized to create managed-rule.", role)
		}
	}
	return nil
}

// waitsForChildren reports whether a state starts executions and waits for their ends as the state machine's own role.
func (g *graph) waitsForChildren() bool {
	for _, s := range g.states {
		r := parseResource(s.resource)
		if r.service == "states" && strings.HasPrefix(r.pattern, "sync") && s.credentials == nil {
			return true
		}
		for _, b := range s.branches {
			if b.waitsForChildren() {
				return true
			}
		}
	}
	return false
}

// Credentials name a role that a task is done as, rather than as the state machine's own
// (Step Functions developer guide, "Accessing resources in other AWS accounts").

// credentialsRole gives the role that a state's Credentials name.
func (s *state) credentialsRole(sc *scope) (string, error) {
	v, err := s.credentials.eval(sc)
	if err != nil {
		return "", err
	}
	role := textMember(v, "RoleArn")
	if !strings.HasPrefix(role, "arn:") || !strings.Contains(role, ":role/") {
		return "", runtimeFailure("The Credentials of the state name no role: RoleArn must be the ARN of an IAM role.")
	}
	return role, nil
}

// assume asks whether the state machine may act as the role of a task. Its words are AWS's.
func (x *execution) assume(role string) *failure {
	if err := x.e.roles.MayAssume(x.e.machineARN(x.rec.Machine), x.rec.Role, x.rec.Name, role); err != nil {
		return &failure{Name: errTaskFailed, task: true, Cause: fmt.Sprintf(
			"The role %s is not authorized to assume the task state's role, %s.", x.rec.Role, role)}
	}
	return nil
}

type roleKey struct{}

// role is who a task is done as.
func (x *execution) role(ctx context.Context) string {
	if assumed, ok := ctx.Value(roleKey{}).(string); ok {
		return assumed
	}
	return x.rec.Role
}

// mayUse asks whether whoever the task is done as may do something.
func (x *execution) mayUse(ctx context.Context, action, resource string) error {
	return x.e.roles.May(x.role(ctx), x.rec.Name, action, resource)
}
