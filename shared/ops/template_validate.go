package ops

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a template.
const (
	MaxTemplateSteps = 100
	maxTaskTitle     = 120
	maxStepName      = 60 // Step Functions allows 80 characters for a state's name; an id may be added to it
	maxStepRetries   = 10
	maxStepBackoff   = 24 * time.Hour
	maxQuorum        = 20
	maxReworks       = 9
	// MaxStepWait is how long a step may wait: so long an execution may live.
	MaxStepWait = 365 * 24 * time.Hour
	// maxBusinessWait is as much in business time, with room for holidays: 40 weeks of 40 hours.
	maxBusinessWait = 1600 * time.Hour
)

// Faults tells everything that is wrong with a template, apart from its conditions and forms, which package workflow
// checks. Action reports whether an action of that name exists.
func (t *Template) Faults(action func(name string) bool) []Fault {
	c := &templateCheck{t: t, action: action}
	c.head()
	ids := map[string]int{}
	for i := range t.Steps {
		s := &t.Steps[i]
		path := fmt.Sprintf("$.steps[%d]", i)
		if first, ok := ids[s.ID]; ok {
			c.fault(path+".id", fmt.Sprintf("an id of its own: steps[%d] has it too", first), s.ID)
		} else {
			ids[s.ID] = i
		}
		c.step(s, path)
	}
	c.graph()
	c.secrets()
	c.example()
	return c.faults
}

type templateCheck struct {
	checker
	t      *Template
	action func(string) bool
}

func (c *templateCheck) head() {
	t := c.t
	c.require(isTemplateName(t.Name), "$.name", "1 to 50 characters of a-z 0-9 _, a letter first", t.Name)
	c.require(slices.Contains(WorkflowTypes(), t.Type), "$.type", oneOf(WorkflowTypes()), string(t.Type))
	triggers := []Trigger{TriggerManual, TriggerEvent, TriggerTime, TriggerCondition}
	c.require(slices.Contains(triggers, t.Trigger), "$.trigger", oneOf(triggers), string(t.Trigger))
	c.watch()
	c.require((t.Trigger == TriggerTime) == (t.Schedule != nil), "$.schedule", "given when the trigger is time_based, and only then", string(t.Trigger))
	c.require(slices.Contains(Teams(), t.Team), "$.team", oneOf(Teams()), string(t.Team))
	c.require(t.Priority >= 1 && t.Priority <= 10, "$.priority", "1 to 10", strconv.Itoa(t.Priority))
	c.require(t.EstimatedMinutes >= 0, "$.estimated_minutes", "0 or more", strconv.Itoa(t.EstimatedMinutes))
	c.require(t.MaxParallelInstances >= 0, "$.max_parallel_instances", "0 (no limit) or more", strconv.Itoa(t.MaxParallelInstances))
	c.require(len(t.Steps) > 0 && len(t.Steps) <= MaxTemplateSteps, "$.steps",
		fmt.Sprintf("a list of 1 to %d steps", MaxTemplateSteps), strconv.Itoa(len(t.Steps)))
}

// maxSecrets is the most paths that a template lists: each of its instances keeps them.
const maxSecrets = 50

func (c *templateCheck) secrets() {
	c.require(len(c.t.Secrets) <= maxSecrets, "$.secrets", fmt.Sprintf("at most %d paths", maxSecrets), strconv.Itoa(len(c.t.Secrets)))
	for n, path := range c.t.Secrets {
		words := strings.Split(path, ".")
		good := len(words) >= 3 && len(path) <= 200 && words[0] == "$" && !slices.Contains(words, "")
		if good && words[1] == "steps" {
			good = len(words) >= 5 && c.t.Step(words[2]) != nil && words[3] == "output"
		} else {
			good = good && words[1] == "context"
		}
		c.require(good, fmt.Sprintf("$.secrets[%d]", n), "a path into the context, $.context.code, or into what a step gives, $.steps.ask.output.form.code", path)
	}
}

func (c *templateCheck) example() {
	if c.t.Example == nil {
		return
	}
	c.subject("$.example.subject", c.t.Example.Subject)
	for _, id := range slices.Sorted(maps.Keys(c.t.Example.Answers)) {
		s := c.t.Step(id)
		c.require(s != nil && s.Kind.Human(), "$.example.answers."+id, "the id of a step that people do", id)
	}
}

func (c *templateCheck) step(s *Step, path string) {
	c.require(isStepID(s.ID), path+".id", "1 to 50 characters of A-Z a-z 0-9 _ -, a letter first", s.ID)
	c.require(strings.TrimSpace(s.Name) != "" && len([]rune(s.Name)) <= maxStepName && oneLine(s.Name), path+".name",
		fmt.Sprintf("1 to %d characters of one line", maxStepName), s.Name)
	c.require(s.EstimatedMinutes >= 0, path+".estimated_minutes", "0 or more", strconv.Itoa(s.EstimatedMinutes))
	seen := map[string]bool{}
	for i, d := range s.DependsOn {
		at := fmt.Sprintf("%s.depends_on[%d]", path, i)
		c.target(at, d)
		c.require(!seen[d], at, "named once", d)
		seen[d] = true
	}
	switch {
	case !slices.Contains(StepKinds(), s.Kind):
		c.fault(path+".kind", oneOf(StepKinds()), string(s.Kind))
		return
	}
	c.foreign(s, path)
	c.errors(s, path)
	c.require(s.Role == "" || slices.Contains(Teams(), s.Role), path+".role", oneOf(Teams()), string(s.Role))
	switch s.Kind {
	case StepAutomated, StepAssignment:
		if s.Offer != nil {
			c.offer(s, path)
		} else {
			c.actionName(path+".action", s.ActionName(), string(s.Action))
		}
	case StepDecision:
		c.decision(s, path)
	case StepNotification:
		c.require(s.Template != "", path+".template", "the name of a message template", "")
		if s.To != nil {
			c.recipient(s.To, path+".to")
		}
	case StepDelay:
		c.delay(s, path)
	case StepManual, StepApproval, StepQualityCheck:
		c.human(s, path)
	case StepAwaitEvent:
		c.awaitEvent(s, path)
	case StepAPICall:
		c.call(s, path)
	}
}

// errors checks what becomes of a failure.
func (c *templateCheck) errors(s *Step, path string) {
	c.require(len([]rune(s.Title)) <= maxTaskTitle && oneLine(s.Title), path+".title", fmt.Sprintf("at most %d characters of one line", maxTaskTitle), s.Title)
	checkWay(c, s, path+".on_error", s.OnError, []OnError{OnErrorFail, OnErrorSkip, OnErrorCompensate})
	if s.Compensate != "" {
		c.actionName(path+".compensate", s.Compensate, s.Compensate)
	}
	if r := s.Retry; r != nil {
		c.require(r.MaxAttempts >= 1 && r.MaxAttempts <= maxStepRetries, path+".retry.max_attempts",
			fmt.Sprintf("1 to %d", maxStepRetries), strconv.Itoa(r.MaxAttempts))
		c.require(!r.Backoff.Business && r.Backoff.D <= maxStepBackoff, path+".retry.backoff",
			"clock time, at most "+Duration{D: maxStepBackoff}.String(), r.Backoff.String())
		c.require(r.MaxBackoff.IsZero() || !r.MaxBackoff.Business && r.Backoff.D <= r.MaxBackoff.D && r.MaxBackoff.D <= maxStepBackoff,
			path+".retry.max_backoff", "clock time, at least backoff and at most "+Duration{D: maxStepBackoff}.String(), r.MaxBackoff.String())
		c.require(r.Jitter == "" || slices.Contains(Jitters(), r.Jitter), path+".retry.jitter", oneOf(Jitters()), string(r.Jitter))
	}
}

func (c *templateCheck) actionName(path, name, got string) {
	c.require(name != "" && c.action(name), path, "the name of an action that exists", got)
}

func (c *templateCheck) offer(s *Step, path string) {
	c.require(strings.HasPrefix(s.Offer.To, "$."), path+".offer.to", `a path to a ranking like "$.steps.rank.output.candidates"`, s.Offer.To)
	e := s.Offer.Expires
	c.require(!e.Business && e.D >= MinOffer && e.D <= MaxOffer, path+".offer.expires",
		fmt.Sprintf("clock time, %s to %s", Duration{D: MinOffer}, Duration{D: MaxOffer}), e.String())
}

func (c *templateCheck) decision(s *Step, path string) {
	c.require(len(s.Choices) > 0, path+".choices", "at least one choice", "")
	for i, choice := range s.Choices {
		c.next(s, fmt.Sprintf("%s.choices[%d].next", path, i), choice.Next)
	}
	if s.Default != "" {
		c.next(s, path+".default", s.Default)
	}
}

func (c *templateCheck) delay(s *Step, path string) {
	c.require(s.For.IsZero() != (s.Until == ""), path+".for", "given, or else until", "")
	c.wait(path+".for", s.For)
	c.require(s.Until == "" || strings.HasPrefix(s.Until, "$."), path+".until", `a path like "$.context.starts_at"`, s.Until)
}

// wait checks how long something may take.
func (c *templateCheck) wait(path string, d Duration) {
	most := Duration{D: MaxStepWait}
	if d.Business {
		most = Duration{D: maxBusinessWait, Business: true}
	}
	c.require(d.D <= most.D, path, "at most "+most.String(), d.String())
}

func (c *templateCheck) human(s *Step, path string) {
	checkWay(c, s, path+".on_reject", s.OnReject, []OnError{OnErrorFail, OnErrorSkip, OnErrorCompensate})
	c.require(s.Quorum >= 0 && s.Quorum <= maxQuorum, path+".quorum", fmt.Sprintf("1 to %d", maxQuorum), strconv.Itoa(s.Quorum))
	routes := []Routing{LeastLoaded, RoundRobin}
	c.require(s.Assign == "" || slices.Contains(routes, s.Assign), path+".assign", oneOf(routes), string(s.Assign))
	c.require(s.RejectQuorum >= 0 && s.RejectQuorum <= maxQuorum, path+".reject_quorum", fmt.Sprintf("1 to %d", maxQuorum), strconv.Itoa(s.RejectQuorum))
	checkWay(c, s, path+".on_expire", s.OnExpire, OnExpires())
	c.require(s.OnExpire.IsZero() || !s.Expires.IsZero(), path+".on_expire", "left out of a step without expires", "")
	c.wait(path+".expires", s.Expires)
	c.wait(path+".due", s.Due)
	c.require(!slices.Contains(s.Outcomes, OutcomeRejected), path+".outcomes", "outcomes of completing it: refusing it always is possible", OutcomeRejected)
	if w := s.Rework; w != nil {
		c.target(path+".rework.to", w.To)
		if c.t.Step(w.To) != nil {
			c.require(c.t.comesAfter(s.ID, w.To), path+".rework.to", "a step that comes before this one", w.To)
		}
		c.require(w.Times >= 1 && w.Times <= maxReworks, path+".rework.times", fmt.Sprintf("1 to %d", maxReworks), strconv.Itoa(w.Times))
	}
	for i, o := range s.Outcomes {
		at := fmt.Sprintf("%s.outcomes[%d]", path, i)
		c.require(ValidID(o), at, idText, o)
		c.require(slices.Index(s.Outcomes, o) == i, at, "named once", o)
	}
}

func (c *templateCheck) awaitEvent(s *Step, path string) {
	c.require(slices.Contains(EventTypes(), s.Event), path+".event", oneOf(EventTypes()), string(s.Event))
	c.require(strings.HasPrefix(s.Key, "$.") || ValidID(s.Key), path+".key", `a path to an id like "$.context.payment_id", or an id`, s.Key)
	c.wait(path+".timeout", s.Timeout)
	checkWay(c, s, path+".on_timeout", s.OnTimeout, []OnError{OnErrorFail, OnErrorSkip})
	c.require(s.OnTimeout.IsZero() || !s.Timeout.IsZero(), path+".on_timeout", "left out of a step without timeout", "")
	c.require(!s.Lookback.Business && s.Lookback.D >= 0 && s.Lookback.D <= EventRetention, path+".lookback",
		"clock time, at most "+Duration{D: EventRetention}.String(), s.Lookback.String())
}

// foreign finds what is given but has no meaning for a step of this kind.
func (c *templateCheck) foreign(s *Step, path string) {
	acts := (s.Kind == StepAutomated || s.Kind == StepAssignment) && s.Offer == nil
	offers, calls := s.Kind == StepAssignment, s.Kind == StepAPICall
	given := []struct {
		field string
		given bool
		ok    bool
	}{
		{"action", s.Action != nil && string(s.Action) != "null", acts || calls},
		{"parameters", len(s.Parameters) > 0, acts || calls || s.Kind == StepNotification || s.Kind.Human()},
		{"retry", s.Retry != nil, acts || calls || s.Kind == StepNotification},
		{"title", s.Title != "", s.Kind.Human()},
		{"role", s.Role != "", s.Kind.Human() || acts || offers},
		{"offer", s.Offer != nil, offers},
		{"due", !s.Due.IsZero(), s.Kind.Human()},
		{"form", s.Form != nil && string(s.Form) != "null", s.Kind.Human()},
		{"outcomes", len(s.Outcomes) > 0, s.Kind.Human()},
		{"on_reject", !s.OnReject.IsZero(), s.Kind.Human()},
		{"rework", s.Rework != nil, s.Kind.Human()},
		{"quorum", s.Quorum != 0, s.Kind.Human()},
		{"reject_quorum", s.RejectQuorum != 0, s.Kind.Human()},
		{"assign", s.Assign != "", s.Kind.Human()},
		{"expires", !s.Expires.IsZero(), s.Kind.Human()},
		{"on_expire", !s.OnExpire.IsZero(), s.Kind.Human()},
		{"choices", len(s.Choices) > 0, s.Kind == StepDecision},
		{"default", s.Default != "", s.Kind == StepDecision},
		{"template", s.Template != "", s.Kind == StepNotification},
		{"to", s.To != nil, s.Kind == StepNotification},
		{"for", !s.For.IsZero(), s.Kind == StepDelay},
		{"until", s.Until != "", s.Kind == StepDelay},
		{"event", s.Event != "", s.Kind == StepAwaitEvent},
		{"key", s.Key != "", s.Kind == StepAwaitEvent},
		{"match", s.Match != nil, s.Kind == StepAwaitEvent},
		{"timeout", !s.Timeout.IsZero(), s.Kind == StepAwaitEvent},
		{"on_timeout", !s.OnTimeout.IsZero(), s.Kind == StepAwaitEvent},
		{"lookback", !s.Lookback.IsZero(), s.Kind == StepAwaitEvent},
	}
	for _, g := range given {
		c.require(!g.given || g.ok, path+"."+g.field, "left out: it has no meaning for a step of kind "+string(s.Kind), "")
	}
}

// next checks the step that another one can choose.
func (c *templateCheck) next(s *Step, path, id string) {
	c.target(path, id)
	c.require(id != s.ID || id == "", path, "the id of a step other than this one", id)
}

func (c *templateCheck) target(path, id string) {
	c.require(c.t.Step(id) != nil, path, "the id of a step of this template", id)
}

// graph finds what keeps steps from ever being ready.
func (c *templateCheck) graph() {
	cycle := c.t.cycle()
	if cycle == nil {
		return
	}
	c.fault("$.steps", "free of cycles", strings.Join(cycle, " -> "))
	order := c.t.Order()
	for i := range c.t.Steps {
		s := &c.t.Steps[i]
		unknown := slices.ContainsFunc(s.DependsOn, func(d string) bool { return c.t.Step(d) == nil })
		if slices.Contains(order, s.ID) || slices.Contains(cycle, s.ID) || unknown {
			continue
		}
		c.fault(fmt.Sprintf("$.steps[%d]", i), "reachable: it waits for a step that can never run", s.ID)
	}
}

// oneOf words a list of allowed values.
func oneOf[T ~string](values []T) string {
	b, _ := json.Marshal(values) //nolint:errchkjson // a list of texts
	return "one of " + strings.Join(strings.Split(strings.Trim(string(b), `[]`), ","), ", ")
}
