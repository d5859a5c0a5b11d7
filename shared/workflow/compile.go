package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// The names that a compiled state machine uses for what CloudFormation, or publishing, puts in: the functions' ARNs.
const (
	runStepsARN      = "${RunStepsFunctionArn}"
	openTaskARN      = "${OpenTaskFunctionArn}"
	recordOutcomeARN = "${RecordOutcomeFunctionArn}"
)

const (
	invoke     = "arn:aws:states:::lambda:invoke"
	invokeWait = "arn:aws:states:::lambda:invoke.waitForTaskToken"
)

// The states that every machine has besides those of its steps.
const (
	stateRun        = "Run the steps"
	stateFinish     = "Finish"
	stateOutcome    = "Record the outcome"
	stateFailed     = "Workflow failed"
	stateSuperseded = "Superseded"
)

// Compile makes the template's state machine, in Amazon States Language; the same template always gives the same text.
//
// The machine is a chain with one state per wait, in an order in which each wait comes after all that it needs, and a
// state at the end that runs what is left; it decides nothing. Every state's function first does whatever the instance's
// record says is ready, wherever in the graph it is, and opens every task that can be opened; only then does the
// execution wait in the state's own step. So tasks beside each other are open together, in whatever order they are
// decided, and a state whose step was skipped, or decided already, is passed at once. The price is that what follows a task
// which is decided before its turn runs only when the chain moves next. A step that is added to an automated stretch costs no
// state transition, a step that waits for a person costs one.
//
// The execution's data stays {"instance_id", "attempt"} all along: what the workflow knows is in its record.
func Compile(t *ops.Template) ([]byte, error) {
	order := t.Order()
	if len(order) == 0 || len(order) != len(t.Steps) {
		return nil, fmt.Errorf("compile template %s: its steps are not a graph without cycles", t.Name)
	}
	c := &compiler{names: map[string]bool{
		stateRun: true, stateFinish: true, stateOutcome: true, stateFailed: true, stateSuperseded: true,
	}}
	var before []string // automated steps since the last wait, for the comments
	waits := 0
	for _, id := range order {
		step := t.Step(id)
		if !step.Waits() {
			before = append(before, step.Name)
			continue
		}
		waits++
		if step.Kind == ops.StepDelay {
			c.delay(step, before)
		} else {
			c.human(step, before)
		}
		before = nil
	}
	last := stateFinish
	if waits == 0 {
		last = stateRun
	}
	c.add(last, &state{
		Comment: comment("Runs ", before, "", "Takes up the last wait's outcome") + " and records how the workflow ended.",
		Type:    "Task", Resource: invoke, Parameters: parameters(runStepsARN, "", false), ResultPath: null, End: true,
	})
	c.ends()
	m := machine{
		Comment: fmt.Sprintf("Template %s, version %d. Generated from the template: change that instead.", t.Name, max(1, t.Version)),
		StartAt: c.states[0].name,
		States:  c.states,
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
	states states
	names  map[string]bool
}

// human adds the state of a person's step: it waits for the token that open-task puts on the task.
func (c *compiler) human(step *ops.Step, before []string) {
	c.add(c.name(step.Name, step.ID), &state{
		Comment: comment("Runs ", before, ", then opens", "Opens") + " every task that is ready and waits for this one's decision.",
		Type:    "Task", Resource: invokeWait, Parameters: parameters(openTaskARN, step.ID, true), ResultPath: null,
	})
}

// delay adds the state that begins a delay and the one that waits for its end. The delay of a skipped step, or one that
// is over, has an end in the past: the Wait state passes it at once.
func (c *compiler) delay(step *ops.Step, before []string) {
	c.add(c.name("Before "+step.Name, step.ID), &state{
		Comment: comment("Runs ", before, ", then tells", "Tells") + " when the delay is over.",
		Type:    "Task", Resource: invoke, Parameters: parameters(runStepsARN, step.ID, false),
		ResultSelector: map[string]string{"until.$": "$.Payload.wait_until"}, ResultPath: path("$.wait"),
	})
	c.add(c.name(step.Name, step.ID), &state{
		Comment: "The only clock besides sweep-due: up to a year, at no cost.",
		Type:    "Wait", TimestampPath: "$.wait.until",
	})
}

// ends adds the states that a failure leads to. Run-steps records a failure itself before it answers WorkflowFailed;
// whatever else breaks a state is recorded by record-outcome.
func (c *compiler) ends() {
	c.add(stateOutcome, &state{
		Comment: "Paid for only when a function could not say itself how the workflow ended.",
		Type:    "Task", Resource: invoke,
		Parameters: &arguments{FunctionName: recordOutcomeARN, Payload: payload{
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
func (c *compiler) add(name string, s *state) {
	if s.Type == "Task" {
		s.Retry = retries()
		if name != stateOutcome {
			s.Catch = []catcher{
				{ErrorEquals: []string{"WorkflowFailed"}, ResultPath: "$.error", Next: stateFailed},
				{ErrorEquals: []string{"Superseded"}, ResultPath: "$.error", Next: stateSuperseded},
				{ErrorEquals: []string{"States.ALL"}, ResultPath: "$.error", Next: stateOutcome},
			}
		}
	}
	if n := len(c.states); n > 0 {
		if prev := c.states[n-1].state; prev.Next == "" && !prev.End && (prev.Type == "Task" || prev.Type == "Wait") {
			prev.Next = name
		}
	}
	c.states = append(c.states, namedState{name, s})
}

// name finds a state's name that is not taken.
func (c *compiler) name(name, id string) string {
	if c.names[name] {
		name = fmt.Sprintf("%s (%s)", id, name)
		name = string([]rune(name)[:min(len([]rune(name)), 80)])
	}
	c.names[name] = true
	return name
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

// retries cover what passes by itself: a Lambda that is throttled, broken or timed out (the record is the checkpoint, so
// that a function may be asked again at any point), a database that does not answer, and the lease of an invocation that
// died, which is over after a minute or the function's own timeout.
func retries() []retrier {
	return []retrier{{
		ErrorEquals: []string{
			"Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException",
			"Lambda.ClientExecutionTimeoutException", "Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError",
			"LeaseHeld", "Unavailable",
		},
		IntervalSeconds: 2, MaxAttempts: 10, BackoffRate: 2, MaxDelaySeconds: 60, JitterStrategy: "FULL",
	}}
}

func parameters(function, step string, token bool) *arguments {
	p := payload{InstanceID: "$.instance_id", Attempt: "$.attempt", Step: step}
	if token {
		p.Token = "$$.Task.Token"
	}
	return &arguments{FunctionName: function, Payload: p}
}
