package states

import (
	"context"
	"fmt"
	"strings"
)

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
	if err := x.e.assumeRole(x.e.machineARN(x.rec.Machine), x.rec.Role, x.rec.Name, role); err != nil {
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
	return x.e.authorize(x.role(ctx), x.rec.Name, action, resource)
}
