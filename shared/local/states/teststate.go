package states

import (
	"context"
	"slices"
	"strings"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// TestStateInput names one state to try: a state's own definition or, with StateName, a whole one that has it.
type TestStateInput struct {
	Definition string
	StateName  string
	RoleARN    string // needed without a mock
	Input      string // {} when empty
	Variables  string // JSON object; empty for none
	Context    string // the context object, with a mock only; empty for one that is made up
	Mock       *Mock  // nil: the state's work is done
	Retries    int64  // how often the retrier for the mock's error has tried already
}

// Mock is what stands for the work of a Task, Map or Parallel state: a result, or an error.
type Mock struct {
	Result              *string    `json:"result"` // JSON
	Error               *MockError `json:"errorOutput"`
	FieldValidationMode string     `json:"fieldValidationMode"` // accepted; there are no models of APIs here to hold a result to
}

// MockError is an error, as a Task's work gives it.
type MockError struct {
	Error *string `json:"error"`
	Cause *string `json:"cause"`
}

// TestedState is what became of a state that was tried.
type TestedState struct {
	Status     string // SUCCEEDED, FAILED, RETRIABLE or CAUGHT_ERROR
	Output     *string
	Error      *string
	Cause      *string
	NextState  string
	Inspection map[string]any // the data as it went through the state, by the API's names
}

// Statuses of a state that was tried, besides SUCCEEDED and FAILED.
const (
	statusRetriable = "RETRIABLE"
	statusCaught    = "CAUGHT_ERROR"
)

// trial is an execution of one state. Its methods do nothing on nil: an execution that is none.
type trial struct {
	mock    *Mock
	result  any // of the mock
	context *value.Object
	retries int64
	out     TestedState
}

// saw notes data as it goes through the state.
func (tr *trial) saw(name string, v any) {
	if tr != nil {
		tr.out.Inspection[name] = string(value.Text(v))
	}
}

// handled notes what handles a failure.
func (tr *trial) handled(status string, details map[string]any) {
	if tr == nil {
		return
	}
	tr.out.Status = status
	delete(tr.out.Inspection, "errorDetails")
	if details != nil {
		tr.out.Inspection["errorDetails"] = details
	}
}

// caught notes which catcher takes a failure.
func (tr *trial) caught(i int, f *failure) {
	if tr == nil {
		return
	}
	tr.handled(statusCaught, map[string]any{"catchIndex": i})
	if !f.noError {
		tr.out.Error = &f.Name
	}
	if !f.noCause {
		tr.out.Cause = &f.Cause
	}
}

func (tr *trial) mocked() bool { return tr != nil && tr.mock != nil }

// failure is the mock's error; nil when it has a result.
func (tr *trial) failure() *failure {
	e := tr.mock.Error
	if e == nil {
		return nil
	}
	f := &failure{task: true, noError: e.Error == nil, noCause: e.Cause == nil}
	if e.Error != nil {
		f.Name = *e.Error
	}
	if e.Cause != nil {
		f.Cause = *e.Cause
	}
	return f
}

// mockTask answers a task with the mock.
func (x *execution) mockTask(t *thread) {
	if f := x.trial.failure(); f != nil {
		x.taskFailed(t, f)
		return
	}
	x.taskSucceeded(t, x.trial.result)
}

// mockMap shows what the iterations of a Map state would begin with, and takes the mock for what they came to.
func (x *execution) mockMap(t *thread, s *state, sc *scope) error {
	m := s.mapping
	if m.concurrency > 0 {
		x.trial.out.Inspection["maxConcurrency"] = m.concurrency
	}
	if m.tolerate.count != nil {
		x.trial.out.Inspection["toleratedFailureCount"] = *m.tolerate.count
	}
	if m.tolerate.percentage != nil {
		x.trial.out.Inspection["toleratedFailurePercentage"] = *m.tolerate.percentage
	}
	if m.reader != nil {
		return x.mockBranches(t, s)
	}
	list, err := x.mapItems(m, sc)
	if err != nil {
		return err
	}
	x.trial.saw("afterItemsPath", list)
	if m.selector != nil {
		if list, err = x.selectAll(t, s, list); err != nil {
			return err
		}
		x.trial.saw("afterItemSelector", list)
	}
	if m.batch != nil {
		in, err := m.batch.group(sc, list)
		if err != nil {
			return err
		}
		batches := make([]any, len(in.Values))
		for i, v := range in.Values {
			batches[i] = v.V
		}
		x.trial.saw("afterItemBatcher", batches)
	}
	return x.mockBranches(t, s)
}

// mockBranches takes the mock for what the branches or iterations came to.
func (x *execution) mockBranches(t *thread, s *state) error {
	if f := x.trial.failure(); f != nil {
		return f
	}
	x.trial.saw("result", x.trial.result)
	return x.complete(t, s, x.trial.result)
}

// left ends the trial: the state has an output, and may lead on.
func (x *execution) left(t *thread, output any, next string) {
	x.trial.out.NextState = next
	if t.Vars != nil {
		x.trial.saw("variables", &t.Vars.Object)
	}
	x.end(StatusSucceeded, output, nil)
}

// TestState tries one state. Errors: InvalidDefinition, InvalidExecutionInput, InvalidArn, ValidationException.
func (e *Engine) TestState(ctx context.Context, in TestStateInput) (*TestedState, error) {
	if in.RoleARN == "" && in.Mock == nil {
		return nil, invalid("RoleArn must be specified when no mock is")
	}
	if err := checkRole(in.RoleARN); err != nil {
		return nil, err
	}
	busy := e.clock.Busy()
	defer busy()
	s, err := stateToTest(in.Definition, in.StateName)
	if err != nil {
		return nil, err
	}
	tr := &trial{mock: in.Mock, retries: in.Retries, out: TestedState{Inspection: map[string]any{}}}
	if err := tr.check(s, in.Context); err != nil {
		return nil, err
	}
	if in.Input == "" {
		in.Input = "{}"
	}
	input, err := parseInput(in.Input)
	if err != nil {
		return nil, err
	}
	vars, err := testVariables(in.Variables)
	if err != nil {
		return nil, err
	}
	rec := record{Express: true, Role: in.RoleARN, Input: in.Input, Status: StatusRunning, StartedAt: e.now().UnixMilli()}
	for _, id := range []*string{&rec.Machine, &rec.Name, &rec.Run} {
		if *id, err = uuid.New(e.random); err != nil {
			return nil, err
		}
	}
	x := e.newExecution(rec.key(), rec, &graph{startAt: s.name, states: map[string]*state{s.name: s}}, input)
	x.trial, x.ephemeral = tr, true
	if err := e.runToEnd(ctx, x, busy, func() {
		x.begin()
		x.threads[0].Vars, x.threads[0].Retried = vars, tr.retries
	}); err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return tr.outcome(&x.rec, in.Input), nil
}

// outcome is what the trial's execution came to.
func (tr *trial) outcome(rec *record, input string) *TestedState {
	out := &tr.out
	out.Inspection["input"] = input
	out.Output = rec.Output
	if rec.Error != nil || rec.Cause != nil {
		out.Error, out.Cause = rec.Error, rec.Cause
	}
	switch {
	case out.Status != "":
	case rec.Status == StatusTimedOut:
		name := errTimeout
		out.Status, out.Error = StatusFailed, &name
	default:
		out.Status = rec.Status
	}
	return out
}

func testVariables(text string) (*variables, error) {
	if text == "" {
		return nil, nil
	}
	v, err := value.Parse([]byte(text))
	if o, ok := v.(*value.Object); ok && err == nil {
		return &variables{*o}, nil
	}
	return nil, invalid("variables must be a JSON object")
}

// stateToTest compiles the state, whose targets need not be there.
func stateToTest(definition, name string) (*state, error) {
	var s *state
	var problems diagnostics
	if name != "" {
		g, found := parseDefinition(definition, TypeStandard)
		if problems = found; len(problems) == 0 {
			if s = g.find(name); s == nil {
				return nil, invalid("The state %s is not in the definition", name)
			}
		}
	} else {
		s, problems = parseState(definition)
	}
	if len(problems) > 0 {
		return nil, &APIError{Code: "InvalidDefinition", Message: problems.message()}
	}
	return s, nil
}

// find looks for a state here and in all graphs below.
func (g *graph) find(name string) *state {
	if s := g.states[name]; s != nil {
		return s
	}
	for _, s := range g.states {
		for _, b := range s.branches {
			if found := b.find(name); found != nil {
				return found
			}
		}
	}
	return nil
}

// check refuses what can't be tried, or not so.
func (tr *trial) check(s *state, contextObject string) error {
	branching := len(s.branches) > 0
	if tr.mock == nil {
		r := parseResource(s.resource)
		switch {
		case branching:
			return apiError("InvalidDefinition", "TestState API does not support Map or Parallel states. "+
				"Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]")
		case s.kind == "Task" && r.kind == resourceActivity:
			return apiError("InvalidDefinition", "TestState API does not support Activity tasks without a mock")
		case r.pattern != "":
			return apiError("InvalidDefinition", "TestState API does not support the .%s service integration pattern without a mock", r.pattern)
		case contextObject != "":
			return invalid("A context can be specified with a mock only")
		}
		return nil
	}
	if !branching && s.kind != "Task" {
		return invalid("State type '%s' is not supported when a mock is specified", s.kind)
	}
	if (tr.mock.Result == nil) == (tr.mock.Error == nil) {
		return invalid("A test mock should have only one of the following fields: [result, errorOutput].")
	}
	if mode := tr.mock.FieldValidationMode; mode != "" && !slices.Contains([]string{"STRICT", "PRESENT", "NONE"}, mode) {
		return invalid("fieldValidationMode must be STRICT, PRESENT or NONE, got %q", mode)
	}
	if contextObject != "" {
		v, err := value.Parse([]byte(contextObject))
		o, ok := v.(*value.Object)
		if err != nil || !ok {
			return invalid("context must be a JSON object")
		}
		tr.context = o
	}
	if tr.mock.Result == nil {
		return nil
	}
	var err error
	if tr.result, err = value.Parse([]byte(*tr.mock.Result)); err != nil {
		return invalid("Mocked result must be a valid JSON")
	}
	list, isList := tr.result.([]any)
	_, isObject := tr.result.(*value.Object)
	switch {
	case branching && s.mapping != nil && s.mapping.writer != nil && !isObject:
		return invalid("Mocked result must be a JSON object.")
	case branching && (s.mapping == nil || s.mapping.writer == nil) && !isList:
		return invalid("Mocked result must be an array.")
	case s.kind == "Parallel" && len(list) != len(s.branches):
		return invalid("Mocked result must contain the same number of items as number of Parallel branches.")
	case s.kind == "Task" && strings.HasPrefix(s.resource, "arn:aws:states:::") && !isObject:
		return invalid("Mocked result must be a JSON object.")
	}
	return nil
}
