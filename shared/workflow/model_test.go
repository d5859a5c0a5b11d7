package workflow_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"opsflow/shared/ops"
)

// node is a step of a random template, with what will happen to it.
type node struct {
	id, kind  string
	name      string
	depends   []int
	when      string // "", "yes" or "no": whether its condition holds
	undo      bool   // it has a compensation
	fails     int    // automated: tries that fail
	tries     int
	backoff   string
	way       string // how it goes on when it does not end well: skip, fail, compensate or next
	next      int    // then this step
	rejected  bool   // a person's step: refused in the end
	refusals  int    // and so often before
	reworkTo  int    // -1: it has no rework
	reworks   int
	quorum    int
	expires   bool // nobody decides it
	arrives   bool // await_event: its event comes
	choice    int  // of a decision: the step it chooses
	otherwise int  // and the one that it does not
}

// ends is what becomes of a step that runs: "" when it completes, else its way to go on.
func (s node) ends() string {
	switch {
	case s.kind == "automated" && s.fails >= s.tries, s.person() && (s.rejected || s.expires), s.kind == "await_event" && !s.arrives:
		return s.way
	}
	return ""
}

func (s node) person() bool { return s.kind == "approval" || s.kind == "quality_check" }

// targets are the steps that a node may choose; chosen is the one that it does, -1 for none.
func (s node) targets() (all []int, chosen int) {
	switch {
	case s.kind == "decision":
		return []int{s.choice, s.otherwise}, s.choice
	case s.way == "next" && s.ends() == "next":
		return []int{s.next}, s.next
	case s.way == "next":
		return []int{s.next}, -1
	}
	return nil, -1
}

// needs are what a node waits for: its depends_on, and who may choose it.
func needs(nodes []node, n int) []int {
	all := slices.Clone(nodes[n].depends)
	for d, other := range nodes {
		if targets, _ := other.targets(); slices.Contains(targets, n) && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// modelled is how a step should end; empty for one that a failure keeps from running.
func modelled(nodes []node) (statuses []ops.StepStatus, failed bool) {
	statuses = make([]ops.StepStatus, len(nodes))
	for n, s := range nodes {
		all := needs(nodes, n)
		run, blocked := len(all) == 0, false
		for _, need := range all {
			blocked = blocked || statuses[need] == "" || statuses[need] == ops.StepFailed
			targets, chosen := nodes[need].targets()
			ran := statuses[need] == ops.StepCompleted
			if slices.Contains(targets, n) {
				ran = chosen == n && (ran || nodes[need].way == "next" && statuses[need] == ops.StepSkipped && reached(nodes, statuses, need))
			}
			run = run || ran
		}
		switch way := s.ends(); {
		case blocked:
		case !run || s.when == "no":
			statuses[n] = ops.StepSkipped
		case way == "":
			statuses[n] = ops.StepCompleted
		case way == "skip" || way == "next":
			statuses[n] = ops.StepSkipped
		default:
			statuses[n], failed = ops.StepFailed, true
		}
	}
	return statuses, failed
}

// reached reports whether a skipped step had its turn, so that it could choose: it was not left out itself.
func reached(nodes []node, statuses []ops.StepStatus, n int) bool {
	all := needs(nodes, n)
	run := len(all) == 0
	for _, need := range all {
		targets, chosen := nodes[need].targets()
		ran := statuses[need] == ops.StepCompleted
		if slices.Contains(targets, n) {
			ran = chosen == n && (ran || nodes[need].way == "next" && statuses[need] == ops.StepSkipped && reached(nodes, statuses, need))
		}
		run = run || ran
	}
	return run && nodes[n].when != "no"
}

// json writes the step.
func (s node) json(nodes []node) string {
	var names []string
	for _, d := range s.depends {
		names = append(names, fmt.Sprintf("%q", nodes[d].id))
	}
	fields := []string{fmt.Sprintf(`"id": %q, "name": %q, "kind": %q, "depends_on": [%s]`, s.id, s.name, s.kind, strings.Join(names, ","))}
	add := func(format string, args ...any) { fields = append(fields, fmt.Sprintf(format, args...)) }
	way := fmt.Sprintf("%q", s.way)
	if s.way == "next" {
		way = fmt.Sprintf(`{"next": %q}`, nodes[s.next].id)
	}
	if s.when != "" {
		add(`"when": {"path": "context.answer", "op": "eq", "value": %q}`, s.when)
	}
	if s.undo {
		add(`"compensate": "test.undo"`)
	}
	switch s.kind {
	case "automated":
		add(`"action": "test.fail", "parameters": {"fails": %d}, "retry": {"max_attempts": %d, "backoff": %q}, "on_error": %s`, s.fails, s.tries, s.backoff, way)
	case "approval", "quality_check":
		add(`"quorum": %d`, s.quorum)
		if s.expires {
			add(`"expires": "24h", "on_expire": %s`, way)
		} else {
			add(`"on_reject": %s`, way)
		}
		if s.reworkTo >= 0 {
			add(`"rework": {"to": %q, "times": %d}`, nodes[s.reworkTo].id, s.reworks)
		}
	case "notification":
		add(`"template": "survey_request"`)
	case "await_event":
		add(`"event": "payment_received", "key": "$.context.%s"`, s.id)
		if !s.arrives {
			add(`"timeout": "24h", "on_timeout": %s`, way)
		}
	case "delay":
		add(`"for": "24h"`)
	case "decision":
		add(`"choices": [{"when": {"path": "context.answer", "op": "eq", "value": "yes"}, "next": %q}], "default": %q`,
			nodes[s.choice].id, nodes[s.otherwise].id)
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// stepNames are names that a machine's other states may have, too.
var stepNames = []string{
	"Step", "Step", "Step 2", "s1 (Step)", "s2 (Step)", "s2 (Step) 2", "Before Step", "Finish", "Run the steps", "s3 (Finish)",
	"Until the next try", "Retry before Step", "Record the outcome", "Superseded", "${RunStepsFunctionArn}", "$.instance_id", "a/b~\"<&>",
	"\u0627\u0644\u062d\u062c\u0632",
}

var stepKinds = []string{
	"automated", "automated", "automated", "approval", "approval", "quality_check", "notification", "await_event", "delay", "decision",
}

func randomNodes(t *rapid.T) []node {
	nodes := make([]node, rapid.IntRange(1, 9).Draw(t, "steps"))
	for n := range nodes {
		s := node{id: fmt.Sprintf("s%d", n), choice: -1, otherwise: -1, reworkTo: -1}
		s.name = rapid.SampledFrom(stepNames).Draw(t, "name")
		s.kind = rapid.SampledFrom(stepKinds).Draw(t, "kind")
		for d := range n {
			if rapid.IntRange(0, 2).Draw(t, "depends") == 0 {
				s.depends = append(s.depends, d)
			}
		}
		s.when = rapid.SampledFrom([]string{"", "", "", "yes", "no"}).Draw(t, "when")
		s.undo = rapid.Bool().Draw(t, "undo")
		s.tries = rapid.IntRange(1, 3).Draw(t, "tries")
		s.fails = rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3}).Draw(t, "fails")
		s.backoff = rapid.SampledFrom([]string{"0s", "1s", "10m"}).Draw(t, "backoff")
		s.way = rapid.SampledFrom([]string{"skip", "skip", "next", "fail", "compensate"}).Draw(t, "way")
		s.rejected = rapid.IntRange(0, 5).Draw(t, "rejected") == 0
		s.expires = rapid.IntRange(0, 7).Draw(t, "expires") == 0
		s.arrives = rapid.IntRange(0, 2).Draw(t, "arrives") > 0
		s.quorum = rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "quorum")
		later := func(what string) int { return rapid.IntRange(n+1, len(nodes)-1).Draw(t, what) }
		fallible := s.kind == "automated" || s.person() || s.kind == "await_event" && !s.arrives
		if (n+1 >= len(nodes) || !fallible) && s.way == "next" {
			s.way = "skip"
		}
		if (s.expires || s.kind == "await_event") && s.way == "compensate" || s.expires && s.way == "skip" {
			s.way = "fail"
		}
		if s.way == "next" {
			s.next = later("next")
		}
		if s.person() && !s.expires && len(s.depends) > 0 && rapid.IntRange(0, 2).Draw(t, "rework") == 0 {
			s.reworkTo, s.reworks = rapid.SampledFrom(s.depends).Draw(t, "rework to"), rapid.IntRange(1, 2).Draw(t, "reworks")
			if s.refusals = s.reworks; !s.rejected {
				s.refusals = rapid.IntRange(0, s.reworks).Draw(t, "refusals")
			}
		}
		if s.kind == "decision" {
			if n+2 >= len(nodes) {
				s.kind = "delay"
			} else {
				s.choice, s.otherwise = later("choice"), later("default")
			}
		}
		nodes[n] = s
	}
	return nodes
}
