package workflow

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// What a step was given and gave stands on its record, and with its completion in the history. Before it is done anew, by a
// retry or because the work was sent back, that goes into the history, so that no attempt is lost. Secrets are masked in all
// that is kept to be seen.

// maxAttempt is the most that the history keeps of one attempt at a step, in bytes of JSON.
const maxAttempt = maxSaid + maxStepOutput + 8<<10

// attempt is what became of a step once.
type attempt struct {
	Loop       int             `json:"loop,omitempty"`
	Tries      int             `json:"tries"`
	Status     ops.StepStatus  `json:"status"`
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
	Input      json.RawMessage `json:"input,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      *ops.StepError  `json:"error,omitempty"`
	By         string          `json:"by,omitempty"`
}

// given notes a step's parameters, and what its call sends, as they come out, without secrets, and gives them.
func (r *run) given(s *ops.Step, doc rule.Doc) map[string]json.RawMessage {
	asked := s.Parameters
	if call := s.Call(); call != nil {
		asked = maps.Clone(s.Parameters)
		if asked == nil {
			asked = map[string]json.RawMessage{}
		}
		if len(call.Body) > 0 {
			asked["body"] = call.Body
		}
		if len(call.Query) > 0 {
			asked["query"], _ = json.Marshal(call.Query) //nolint:errchkjson // it was JSON
		}
	}
	if len(asked) == 0 {
		return nil
	}
	shown := rule.Doc{"context": r.mask.JSON(doc["context"], "context"), "subject": r.mask.JSON(doc["subject"], "subject")}
	var steps map[string]json.RawMessage
	if json.Unmarshal(doc["steps"], &steps) == nil {
		for id, step := range steps { // a step's id is no secret's name
			steps[id] = r.mask.JSON(step, "steps", id)
		}
		shown["steps"], _ = json.Marshal(steps) //nolint:errchkjson // it was JSON
	}
	params := r.mask.Fields(rule.ResolveAll(asked, shown))
	r.i.Step(s.ID).Input, _ = encodeOutput(params) // without what can't be kept
	return params
}

// putAside writes what became of a step, whose output is at hand, into the history: it is done anew.
func putAside(i *ops.Instance, rec *ops.StepRecord, now time.Time) {
	if rec.StartedAt.IsZero() {
		return
	}
	output := ops.NewMask(i.Secrets).JSON(rec.Output, "steps", rec.ID, "output")
	var said struct {
		DecidedBy string `json:"decided_by"`
	}
	_ = json.Unmarshal(rec.Output, &said) // not of people: nobody's
	detail, _ := encode(attempt{          // without what can't be written
		rec.Loop, rec.Tries, rec.Status, rec.StartedAt, rec.FinishedAt, rec.Input, output, rec.Error, said.DecidedBy,
	}, maxAttempt)
	i.Log(ops.HistoryEntry{At: now, What: "step_redone", Step: rec.ID, Detail: detail})
}

// secretsOf are the paths of the secrets in what a step of an instance gives.
func secretsOf(i *ops.Instance, step string) []string {
	var paths []string
	for _, p := range i.Secrets {
		if strings.HasPrefix(p, "$.steps."+step+".") {
			paths = append(paths, p)
		}
	}
	return paths
}
