package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// substituted are the names in a built-in template's state machine for which CloudFormation puts in the functions' ARNs.
var substituted = Functions{
	RunSteps: "${RunStepsFunctionArn}", OpenTask: "${OpenTaskFunctionArn}", RecordOutcome: "${RecordOutcomeFunctionArn}",
}

const (
	invoke     = "arn:aws:states:::lambda:invoke"
	invokeWait = "arn:aws:states:::lambda:invoke.waitForTaskToken"
)

// The states that every machine has besides those of its steps.
const (
	stateRun        = "Run the steps"
	stateFinish     = "Finish"
	stateRetry      = "Until the next try"
	stateOutcome    = "Record the outcome"
	stateFailed     = "Workflow failed"
	stateSuperseded = "Superseded"
)

// maxStateName is how many characters Step Functions allows for a state's name.
const maxStateName = 80

// Compile makes the template's state machine as it stands in the repository: with names in the place of the functions'
// ARNs. See compile.
func Compile(t *ops.Template) ([]byte, error) { return compile(t, substituted) }

// compile makes the template's state machine, in Amazon States Language; the same template always gives the same text.
//
// The machine is a chain with one state per wait, in an order in which each wait comes after all that it needs, and a
// state at the end that runs what is left; it decides nothing. Every state's function first does whatever the instance's
// record says is ready, wherever in the graph it is, and opens every task that can be opened; only then does the
// execution wait in the state's own step. So branches beside each other are under way together. Whatever happens in one
// of them while the execution waits in another one's state wakes that state (see ops.Wake): it is entered again, does
// what has become ready, and waits on. A state whose step was skipped, or is over already, is passed at once.
//
// So a wait costs one state transition, and one more when something beside it happens before its turn; automated steps cost
// none. Parallel states would cost one for each fork, one for each branch that goes on after its last wait, and could not
// say what a graph says whose branches meet across each other.
//
// The execution's data stays {"instance_id", "attempt"} all along: what the workflow knows is in its record.
func compile(t *ops.Template, f Functions) ([]byte, error) {
	g := newGraph(t)
	if len(g.order) == 0 || len(g.order) != len(t.Steps) {
		return nil, fmt.Errorf("compile template %s: its steps are not a graph without cycles", t.Name)
	}
	c := &compiler{functions: f, steps: t.Steps, graph: g, waits: waits(t, g), names: map[string]bool{
		stateRun: true, stateFinish: true, stateRetry: true, stateOutcome: true, stateFailed: true, stateSuperseded: true,
	}}
	c.reworks()
	var before []string // automated steps since the last wait, for the comments
	for _, id := range g.order {
		step := t.Step(id)
		if !step.Waits() {
			before = append(before, step.Name)
			continue
		}
		if byToken(g, c.waits, step) {
			c.wait(step, before)
		} else {
			c.delay(step, before)
		}
		before = nil
	}
	last := stateFinish
	if len(c.waits) == 0 {
		last = stateRun
	}
	c.enter(last)
	c.addRun(last, stateRetry, "", &state{
		Comment: comment("Runs ", before, "", "Takes up the last wait's outcome") + " and records how the workflow ended.",
		End:     true,
	})
	c.ends()
	m := machine{
		Comment: fmt.Sprintf("Template %s, version %d. Generated from the template: change that instead.", t.Name, max(1, t.Version)),
		StartAt: c.states[0].name,
		States:  c.states,
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("compile template %s: %w", t.Name, err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("compile template %s: %w", t.Name, err)
	}
	return b.Bytes(), nil
}

type compiler struct {
	functions Functions
	steps     []ops.Step
	graph     *graph
	waits     []*ops.Step
	states    states
	names     map[string]bool
	// entries are the first states of the waits so far, and of the end.
	entries []string
	// back holds, for each place in the chain, the place of the first wait to which a refusal that is taken up there can
	// send the work back.
	back []int
	// pauses are states in which the execution waits until a step is tried again.
	pauses []pause
}

// pause is a state that is entered when a step is to be tried again at a time that the state it comes from can't wait for.
type pause struct {
	name, step string
	back       string // the state that it comes from
	at         int    // its place in the chain
}

// reworks finds where refusals send the work back to. One is taken up in the state of its step, in the one after that, or
// in an earlier one that it wakes.
func (c *compiler) reworks() {
	c.back = make([]int, len(c.waits)+1)
	for n := range c.back {
		c.back[n] = n - 1 // and else, after a wait that was passed by mistake, there
	}
	for at, s := range c.waits {
		if s.Rework == nil {
			continue
		}
		first := c.sentBackTo(at)
		for n := first + 1; n <= at+1; n++ {
			c.back[n] = min(c.back[n], first)
		}
	}
}

// sentBackTo gives the place of the first wait that is done again when a refusal in the one at a place sends the work back.
func (c *compiler) sentBackTo(at int) int {
	to := c.waits[at].Rework.To
	for n, other := range c.waits[:at] {
		if other.ID == to || c.graph.follows(other.ID, to) {
			return n
		}
	}
	return at
}

// enter begins the next wait's states.
func (c *compiler) enter(name string) { c.entries = append(c.entries, name) }

// wait adds the state of a step whose outcome comes with a token.
func (c *compiler) wait(step *ops.Step, before []string) {
	name := c.name(step.Name, step.ID)
	c.enter(name)
	what := "this one's decision."
	switch {
	case step.Kind == ops.StepDelay:
		what = "this delay's end, of which sweep-due tells it, or what happens beside it."
	case step.Offer != nil:
		what = "a vendor to take this one's offer."
	case !step.Kind.Human():
		what = "this one's event."
	}
	c.add(name, &state{
		Comment: comment("Runs ", before, ", then opens", "Opens") + " every task that is ready and waits for " + what,
		Type:    "Task", Resource: invokeWait, Parameters: parameters(c.functions.OpenTask, step.ID, true), ResultPath: null,
	})
}

// delay adds the state that begins a delay and the one that waits for its end. The delay of a skipped step, or one that
// is over, has an end in the past: the Wait state passes it at once.
func (c *compiler) delay(step *ops.Step, before []string) {
	name := c.name("Before "+step.Name, step.ID)
	c.enter(name)
	c.addRun(name, "Retry before "+step.Name, step.ID, &state{
		Comment:        comment("Runs ", before, ", then tells", "Tells") + " when the delay is over.",
		ResultSelector: map[string]string{"until.$": "$.Payload.wait_until"}, ResultPath: path("$.wait"),
	})
	c.add(c.name(step.Name, step.ID), &state{
		Comment: "The only clock besides sweep-due: up to a year, at no cost.",
		Type:    "Wait", TimestampPath: "$.wait.until",
	})
}

// addRun adds a state that waits for nobody. A step in it that is to be tried again later than its function can stay leads
// to a pause, which waits for a token as people's states do: sweep-due gives it back. Such a state costs one transition for each
// try, however long the backoff is, and none while nothing fails. For seconds, the state itself is tried again.
func (c *compiler) addRun(name, pauseName, step string, s *state) {
	s.Type, s.Resource, s.Parameters = "Task", invoke, parameters(c.functions.RunSteps, step, false)
	if s.ResultPath == nil {
		s.ResultPath = null
	}
	switch again := c.tries(step); {
	case again > inInvocation:
		if step != "" {
			pauseName = c.name(pauseName, step)
		}
		c.pauses = append(c.pauses, pause{pauseName, step, name, len(c.entries) - 1})
		s.Catch = []catcher{{ErrorEquals: []string{"TryLater"}, ResultPath: "$.error", Next: pauseName}}
	case again > 0: // seconds, when an invocation had no more of its own
		s.Retry = []retrier{{ErrorEquals: []string{"TryLater"}, IntervalSeconds: 5, MaxAttempts: 20, BackoffRate: 2, MaxDelaySeconds: 60}}
	}
	c.add(name, s)
}

// tries gives the longest that a step may have to wait for its next try in the state of a step, or at the end; 0: no step can.
func (c *compiler) tries(state string) time.Duration {
	var longest time.Duration
	for n := range c.steps {
		if s := &c.steps[n]; state == "" || !c.graph.follows(s.ID, state) {
			longest = max(longest, longestTry(s))
		}
	}
	return longest
}

// ends adds the states of pauses, and those that a failure leads to. Run-steps records a failure itself before it answers WorkflowFailed;
// whatever else breaks a state is recorded by record-outcome.
func (c *compiler) ends() {
	for _, p := range c.pauses {
		waits := parameters(c.functions.OpenTask, p.step, true)
		waits.Payload.Retry = true
		c.addAt(p.at, p.name, &state{
			Comment: "Entered only when a step failed: sweep-due tells when it is to be tried again.",
			Type:    "Task", Resource: invokeWait, Parameters: waits, ResultPath: null, Next: p.back,
		})
	}
	c.add(stateOutcome, &state{
		Comment: "Paid for only when a function could not say itself how the workflow ended.",
		Type:    "Task", Resource: invoke,
		Parameters: &arguments{FunctionName: c.functions.RecordOutcome, Payload: payload{
			InstanceID: "$.instance_id", Attempt: "$.attempt", Error: "$.error",
		}},
		ResultPath: null, Next: stateFailed,
	})
	c.add(stateFailed, &state{
		Comment: "The instance says which step failed and why.",
		Type:    "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause",
	})
	c.add(stateSuperseded, &state{
		Comment: "The instance went on without this execution: a later attempt drives it, or it has ended.",
		Type:    "Succeed",
	})
}

// add puts a state at the end of the chain and leads the one before it there.
func (c *compiler) add(name string, s *state) { c.addAt(len(c.entries)-1, name, s) }

func (c *compiler) addAt(place int, name string, s *state) {
	if s.Type == "Task" {
		s.Retry = append(retries(), s.Retry...)
		if name != stateOutcome {
			s.Catch = append(append(c.returns(place, name, s), s.Catch...), []catcher{
				{ErrorEquals: []string{"WorkflowFailed"}, ResultPath: "$.error", Next: stateFailed},
				{ErrorEquals: []string{"Superseded"}, ResultPath: "$.error", Next: stateSuperseded},
				{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.error", Next: stateOutcome},
			}...)
		}
	}
	if n := len(c.states); n > 0 {
		if prev := c.states[n-1].state; prev.Next == "" && !prev.End && (prev.Type == "Task" || prev.Type == "Wait") {
			prev.Next = name
		}
	}
	c.states = append(c.states, namedState{name, s})
}

// returns are the catchers that lead back: into the same state, and to where work is to be done again.
func (c *compiler) returns(place int, name string, s *state) []catcher {
	var all []catcher
	if s.Resource == invokeWait {
		all = append(all, catcher{ErrorEquals: []string{ops.Woken}, ResultPath: "$.error", Next: name})
	}
	if back := c.back[place]; back >= 0 {
		all = append(all, catcher{ErrorEquals: []string{"SentBack"}, ResultPath: "$.error", Next: c.entries[back]})
	}
	return all
}

// name takes a state's name: the step's, or when another state has that, one with the step's id. People may call a step what
// another one's state is called by then, so a number makes the last difference.
func (c *compiler) name(name, id string) string {
	taken := name
	for n := 1; c.names[taken]; n++ {
		end := ")"
		if n > 1 {
			end = fmt.Sprintf(") %d", n)
		}
		text := []rune(id + " (" + name)
		taken = string(text[:min(len(text), maxStateName-len(end))]) + end
	}
	c.names[taken] = true
	return taken
}

func comment(runs string, steps []string, then, otherwise string) string {
	const shown = 6 // a comment is for people; the template has them all
	if len(steps) == 0 {
		return otherwise
	}
	text := strings.Join(steps[:min(shown, len(steps))], ", ")
	if more := len(steps) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return runs + text + then
}

// retries cover what passes by itself. The record is the checkpoint, so that a function may be asked again at any point.
func retries() []retrier {
	return []retrier{{
		// Something we need does not answer, or Lambda does not: for as long as outages last, some six hours. And the lease of
		// an invocation that died, which is over after a minute or the function's own timeout.
		ErrorEquals: []string{
			"Unavailable", "LeaseHeld", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
			"Lambda.TooManyRequestsException", "Lambda.ClientExecutionTimeoutException",
		},
		IntervalSeconds: 2, MaxAttempts: 150, BackoffRate: 2, MaxDelaySeconds: 300, JitterStrategy: "FULL",
	}, {
		// A function that breaks or does not end in time may do so every time.
		ErrorEquals:     []string{"Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError"},
		IntervalSeconds: 2, MaxAttempts: 10, BackoffRate: 2, MaxDelaySeconds: 60, JitterStrategy: "FULL",
	}}
}

func parameters(function, step string, token bool) *arguments {
	p := payload{InstanceID: "$.instance_id", Attempt: "$.attempt", Step: step, Entered: "$$.State.EnteredTime", Retries: "$$.State.RetryCount"}
	if token {
		p.Token = "$$.Task.Token"
	}
	return &arguments{FunctionName: function, Payload: p}
}
