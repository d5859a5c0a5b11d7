package stack

import (
	"fmt"
	"slices"

	"opsflow/shared/local/iam"
)

// StepFunctions is the service that runs state machines, as roles know it.
const StepFunctions = "states.amazonaws.com"

// checkTrust refuses a stack in which a service is given a role that does not let it in. The words are those that AWS deploys
// with.
func (s *Stack) checkTrust() error {
	for _, f := range s.Functions {
		if !s.Trusts(f.RoleARN, "lambda.amazonaws.com", f.ARN) {
			return fmt.Errorf("%s: function %s: the role defined for the function cannot be assumed by Lambda (%s)", s.Path, f.LogicalID, f.RoleARN)
		}
	}
	for _, m := range s.StateMachines {
		if !s.Trusts(m.RoleARN, StepFunctions, m.ARN) {
			return fmt.Errorf("%s: state machine %s: neither the global service principal states.amazonaws.com, nor the regional one is "+
				"authorized to assume the provided role (%s)", s.Path, m.LogicalID, m.RoleARN)
		}
	}
	for _, r := range s.Rules {
		for _, t := range r.Targets {
			if !s.Trusts(t.RoleARN, eventBridge, r.ARN) {
				return fmt.Errorf("%s: rule %s: provided role '%s' cannot be assumed by principal '%s'", s.Path, r.Name, t.RoleARN, eventBridge)
			}
		}
	}
	return nil
}

// Trusts reports whether a role lets a service act as it, for the resource that it is given to. Of a role that is not of the
// template nothing is known.
func (s *Stack) Trusts(role, service, source string) bool {
	known := s.RoleOf(role)
	if known == nil {
		return true
	}
	ask := iam.Request{Action: "sts:AssumeRole", Context: map[string][]string{"aws:SourceAccount": {Account}, "aws:SourceArn": {source}}}
	regional := service[:len(service)-len("amazonaws.com")] + Region + ".amazonaws.com"
	return slices.ContainsFunc([]string{service, regional}, func(principal string) bool {
		return iam.DecideFor(known.Trust, principal, ask) == iam.Allowed
	})
}
