package task

import (
	"slices"

	"opsflow/shared/ops"
)

// The outcomes of a step that does not name its own, and of a refusal.
const (
	Approved = "approved"
	Done     = "done"
	Rejected = ops.OutcomeRejected
)

// Outcomes lists what completing the task of a step can come to.
func Outcomes(s *ops.Step) []string {
	switch {
	case len(s.Outcomes) > 0:
		return slices.Clone(s.Outcomes)
	case s.Offer != nil:
		return []string{ops.OutcomeAccepted, ops.OutcomeDeclined}
	case s.Kind == ops.StepApproval:
		return []string{Approved}
	}
	return []string{Done}
}
