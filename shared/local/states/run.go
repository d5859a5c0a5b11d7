package states

import (
	"errors"
	"fmt"

	"opsflow/shared/local/states/value"
)

// maxPayload is the largest input or output of a state, in bytes.
const maxPayload = 256 << 10

// isoMillis is how the context object writes times.
const isoMillis = "2006-01-02T15:04:05.000Z"

// enter moves a thread to a state.
func (x *execution) enter(t *thread, name string, input any) {
	t.State, t.Input, t.Phase = name, value.JSON{V: input}, phaseRun
	t.Retries, t.Retried, t.Task, t.Join = nil, 0, nil, nil
	t.EnteredAt = x.e.now().UnixMilli()
	x.entered++
	x.event(t, t.state().kind+"StateEntered", map[string]any{
		"name": name, "input": string(value.Text(input)), "inputDetails": notTruncated,
	})
	t.EnteredID = t.Prev
	x.touch(t)
	x.ready = append(x.ready, t)
}

// execute runs the state that the thread is at, for the first time or again.
func (x *execution) execute(t *thread) {
	s := t.state()
	if err := x.perform(t, s); err != nil {
		x.failState(t, s, x.asFailure(t, err))
	}
}

// asFailure says in which state an evaluation went wrong.
func (x *execution) asFailure(t *thread, err error) *failure {
	var f *failure
	if !errors.As(err, &f) {
		f = runtimeFailure("%v", err)
	}
	if !f.task && !f.plain {
		located := *f
		located.plain = true
		located.Cause = fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s",
			t.State, t.EnteredID, f.Cause)
		return &located
	}
	return f
}

func (x *execution) perform(t *thread, s *state) error {
	sc := x.scope(t)
	input := t.Input.V
	switch {
	case s.noInput:
		input = value.NewObject(0)
	case s.inputPath != nil:
		var err error
		if input, err = s.inputPath.lookup(sc); err != nil {
			return err
		}
	}
	sc = sc.with(input)
	if !s.hasResult {
		x.trial.saw("afterInputPath", input)
	}
	if s.kind == "Task" {
		return x.performTask(t, s, sc)
	}
	if s.parameters != nil {
		var err error
		if input, err = s.parameters.eval(sc); err != nil {
			return err
		}
	}
	switch {
	case !x.trial.mocked():
	case s.kind == "Map":
		return x.mockMap(t, s, sc)
	case s.kind == "Parallel":
		x.trial.saw("afterParameters", input)
		return x.mockBranches(t, s)
	}
	switch s.kind {
	case "Pass":
		if s.hasResult {
			input = s.result
			x.trial.saw("result", input)
		} else {
			x.trial.saw("afterParameters", input)
		}
		return x.complete(t, s, input)
	case "Succeed":
		return x.complete(t, s, input)
	case "Choice":
		return x.choose(t, s, sc)
	case "Wait":
		return x.wait(t, s, sc)
	case "Fail":
		return x.failByDefinition(s, sc)
	case "Parallel":
		return x.fork(t, s, input)
	default:
		return x.startMap(t, s, sc)
	}
}

// complete takes the result of a state through ResultSelector, ResultPath and OutputPath, and moves on.
func (x *execution) complete(t *thread, s *state, result any) error {
	return x.leave(t, s, result, s.assign, s.next)
}

func (x *execution) leave(t *thread, s *state, result any, assign assignment, next string) error {
	sc := x.scope(t).with(result)
	vars, err := assign.eval(sc)
	if err != nil {
		return err
	}
	output := result
	if s.selector != nil {
		if output, err = s.selector.eval(sc); err != nil {
			return err
		}
	}
	if s.yields() {
		x.trial.saw("afterResultSelector", output)
	}
	if output, err = applyResult(t.Input.V, output, s.resultPath, s.noResult); err != nil {
		return err
	}
	if s.yields() {
		x.trial.saw("afterResultPath", output)
	}
	switch {
	case s.noOutput:
		output = value.NewObject(0)
	case s.outputPath != nil:
		if output, err = s.outputPath.lookup(sc.with(output)); err != nil {
			return err
		}
	}
	return x.exit(t, s, output, vars, next)
}

func applyResult(input, result any, path *reference, drop bool) (any, error) {
	switch {
	case drop:
		return input, nil
	case path == nil:
		return result, nil
	}
	out, err := path.path.Set(input, result)
	if err != nil {
		return nil, newFailure(errResultPath, "Unable to apply Reference Path %s to input %s", path.text, value.Text(input))
	}
	return out, nil
}

// exit leaves a state with an output.
func (x *execution) exit(t *thread, s *state, output any, vars []value.Member, next string) error {
	text := value.Text(output)
	if len(text) > maxPayload {
		return &failure{
			Name: errDataLimit, plain: true,
			Cause: fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", s.name),
		}
	}
	details := map[string]any{"name": s.name, "output": string(text), "outputDetails": notTruncated}
	if len(vars) > 0 {
		assigned := map[string]string{}
		for _, m := range vars {
			assigned[m.Key] = string(value.Text(m.Value))
		}
		details["assignedVariables"], details["assignedVariablesDetails"] = assigned, notTruncated
		t.assign(vars)
	}
	x.event(t, s.kind+"StateExited", details)
	x.touch(t)
	if x.trial != nil {
		x.left(t, output, next)
		return nil
	}
	if next != "" {
		x.enter(t, next, output)
		return nil
	}
	x.finishThread(t, output)
	return nil
}

func (a assignment) eval(sc *scope) ([]value.Member, error) {
	var vars []value.Member
	for _, f := range a {
		v, err := f.value.eval(sc)
		if err != nil {
			return nil, err
		}
		vars = append(vars, value.Member{Key: f.name, Value: v})
	}
	return vars, nil
}

func (t *thread) assign(vars []value.Member) {
	next := &variables{}
	if t.Vars != nil {
		for _, m := range t.Vars.Members() {
			next.Set(m.Key, m.Value)
		}
	}
	for _, m := range vars {
		next.Set(m.Key, m.Value)
	}
	t.Vars = next
}

func (x *execution) choose(t *thread, s *state, sc *scope) error {
	for _, rule := range s.choices {
		ok, err := rule.condition.holds(sc)
		if err != nil {
			return err
		}
		if ok {
			return x.leave(t, s, sc.input, rule.assign, rule.next)
		}
	}
	if s.next == "" {
		return newFailure(errNoChoice, "No choices matched")
	}
	return x.leave(t, s, sc.input, s.assign, s.next)
}

func (x *execution) failByDefinition(s *state, sc *scope) error {
	f := &failure{plain: true, noError: s.errorText == nil, noCause: s.causeText == nil}
	for _, one := range []struct {
		from template
		into *string
		name string
	}{{s.errorText, &f.Name, "ErrorPath"}, {s.causeText, &f.Cause, "CausePath"}} {
		if one.from == nil {
			continue
		}
		v, err := one.from.eval(sc)
		if err != nil {
			return err
		}
		text, ok := v.(string)
		if !ok {
			return runtimeFailure("The %s field refers to a value that is not a string: %s", one.name, value.Text(v))
		}
		*one.into = text
	}
	return f
}
