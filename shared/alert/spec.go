package alert

import (
	"fmt"
	"slices"

	"opsflow/shared/ops"
)

// maxText is the longest title of an alert, in bytes; a detail may have ten times as many.
const maxText = 500

// checkSpec finds what is wrong with a cause that a person wrote. CodeInvalid.
func checkSpec(s Spec) error {
	var faults []ops.Fault
	if !slices.Contains(ops.AlertTypes(), s.Type) {
		faults = append(faults, ops.Fault{
			Path: "$.type", Expected: fmt.Sprintf("one of %v", ops.AlertTypes()), Got: string(s.Type),
		})
	}
	if s.Severity.Rank() == 0 {
		faults = append(faults, ops.Fault{
			Path: "$.severity", Expected: "low, medium, high or critical", Got: string(s.Severity),
		})
	}
	if s.Title == "" || len(s.Title) > maxText {
		faults = append(faults, ops.Fault{Path: "$.title", Expected: fmt.Sprintf("a text of 1 to %d bytes", maxText)})
	}
	if len(s.Detail) > 10*maxText {
		faults = append(faults, ops.Fault{
			Path: "$.detail", Expected: fmt.Sprintf("a text of at most %d bytes", 10*maxText),
		})
	}
	if !s.Subject.IsZero() && (!ops.ValidID(s.Subject.Type) || !ops.ValidID(s.Subject.ID)) {
		faults = append(faults, ops.Fault{
			Path: "$.subject", Expected: "a type and an id of 1 to 128 characters of A-Z a-z 0-9 . _ : -",
			Got: s.Subject.String(),
		})
	}
	return ops.Invalid("alert", faults)
}
