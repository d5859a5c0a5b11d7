package workflow

import (
	"encoding/json"
	"fmt"

	"opsflow/shared/ops"
)

const (
	// maxShown is the longest value of a context that an audit entry shows, and maxShownTogether the most of all of them: an
	// entry has two views, and a limit.
	maxShown         = 4 << 10
	maxShownTogether = 64 << 10
)

// view is what an audit entry keeps of an instance, of the context only what was edited: the history and its tasks tell the
// rest.
type view struct {
	Status  ops.InstanceStatus         `json:"status"`
	Attempt int                        `json:"attempt"`
	Version int                        `json:"template_version"`
	Asked   *ops.Asked                 `json:"asked,omitempty"`
	Context map[string]json.RawMessage `json:"context,omitempty"`
	Skipped []string                   `json:"skipped,omitempty"`
	edited  []string
}

func viewOf(i *ops.Instance, edited ...string) view {
	v := view{Status: i.Status, Attempt: i.Attempt, Version: i.TemplateVersion, Asked: i.Asked, edited: edited}
	left, mask := maxShownTogether, ops.NewMask(i.Secrets)
	for _, name := range edited {
		value, ok := i.Context[name]
		if !ok {
			continue
		}
		if mask.Hides("context", name) {
			value = quote(ops.Masked)
		}
		value = mask.JSON(value, "context", name)
		if len(value) > min(left, maxShown) {
			value = quote(fmt.Sprintf("(%d bytes)", len(value)))
		}
		left -= len(name) + len(value)
		if left < 0 {
			break
		}
		if v.Context == nil {
			v.Context = map[string]json.RawMessage{}
		}
		v.Context[name] = value
	}
	for _, rec := range i.Steps {
		if rec.SkippedBy != "" {
			v.Skipped = append(v.Skipped, rec.ID)
		}
	}
	return v
}
