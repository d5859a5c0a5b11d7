package states

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// performTask schedules the work of a Task state; its end comes later.
func (x *execution) performTask(t *thread, s *state, sc *scope) error {
	timeout, heartbeat, err := s.taskLimits(sc)
	if err != nil {
		return err
	}
	r := parseResource(s.resource)
	if !x.trial.mocked() {
		if err := x.e.performs(r, s.resource); err != nil {
			return err
		}
	}
	x.count.Tasks++
	job := &task{Attempt: x.count.Tasks, Timeout: timeout, Heartbeat: heartbeat}
	if r.kind == resourceActivity || r.pattern == waitForToken {
		if job.Token, err = x.newToken(t, job.Attempt); err != nil {
			return err
		}
	}
	t.Task = job // $$.Task.Token is there from now on
	if err := x.prepareTask(t, s, sc, r); err != nil {
		t.Task = nil
		return err
	}
	now := x.e.now()
	if timeout > 0 {
		job.TimeoutAt = now.Add(time.Duration(timeout) * time.Second).UnixMilli()
	}
	if heartbeat > 0 {
		job.HeartbeatAt = now.Add(time.Duration(heartbeat) * time.Second).UnixMilli()
	}
	t.Phase = phaseTask
	x.trial.saw("afterParameters", job.Parameters.V)
	x.taskScheduled(t, r)
	if x.trial.mocked() {
		x.mockTask(t)
		return nil
	}
	x.launchLater(t)
	return nil
}

// taskLimits are how long a task may take, and how long it may be silent, in seconds; 0 is for ever.
func (s *state) taskLimits(sc *scope) (timeout, heartbeat int64, err error) {
	timeout, heartbeat = s.timeout, s.heartbeat
	for _, one := range []struct {
		path *reference
		name string
		into *int64
	}{{s.timeoutPath, "TimeoutSecondsPath", &timeout}, {s.heartbeatPath, "HeartbeatSecondsPath", &heartbeat}} {
		if one.path == nil {
			continue
		}
		n, err := wholeAt(one.path, one.name, sc)
		if err != nil {
			return 0, 0, err
		}
		if n <= 0 {
			return 0, 0, runtimeFailure("The %s field must be a positive integer: %s == %d", one.name, one.path.text, n)
		}
		*one.into = n
	}
	return timeout, heartbeat, nil
}

// performs refuses a resource that nobody here carries out; text is how the definition names it.
func (e *Engine) performs(r resource, text string) error {
	switch {
	case r.kind == resourceUnknown || r.kind == resourceElsewhere:
		return runtimeFailure("The resource '%s' is not available in the local runtime.", text)
	case r.kind == resourceActivity && !e.hasActivity(r.action):
		return runtimeFailure("The activity %s does not exist.", text)
	}
	return nil
}

// prepareTask gives a thread's task its parameters and its role.
func (x *execution) prepareTask(t *thread, s *state, sc *scope, r resource) (err error) {
	parameters := sc.input
	if s.parameters != nil {
		if parameters, err = s.parameters.eval(x.scope(t).with(sc.input)); err != nil {
			return err
		}
	}
	if err := r.check(parameters); err != nil {
		return err
	}
	if r.service == "states" {
		parameters = x.named(parameters)
	}
	t.Task.Parameters = value.JSON{V: parameters}
	if s.credentials != nil {
		t.Task.Role, err = s.credentialsRole(x.scope(t).with(sc.input))
	}
	return err
}

func (x *execution) taskScheduled(t *thread, r resource) {
	d := r.details()
	text := string(value.Text(t.Task.Parameters.V))
	if r.kind == resourceService {
		d["region"], d["parameters"] = x.e.region, text
	} else {
		d["resource"], d["input"], d["inputDetails"] = r.arn, text, notTruncated
	}
	if t.Task.Role != "" {
		d["taskCredentials"] = map[string]any{"roleArn": t.Task.Role}
	}
	if t.Task.Timeout > 0 {
		d["timeoutInSeconds"] = t.Task.Timeout
	}
	if t.Task.Heartbeat > 0 && r.kind != resourceFunction {
		d["heartbeatInSeconds"] = t.Task.Heartbeat
	}
	x.event(t, r.event("Scheduled"), d)
	if r.kind != resourceActivity {
		x.event(t, r.event("Started"), r.details())
	}
}

// newToken makes a task token: it names the execution and the thread, and holds enough chance not to be guessed.
func (x *execution) newToken(t *thread, attempt int) (string, error) {
	secret, err := uuid.New(x.e.random)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(taskToken{x.key, t.ID, attempt, secret})
	return base64.StdEncoding.EncodeToString(text), err
}

type taskToken struct {
	Key     string `json:"k"`
	Thread  int    `json:"t"`
	Attempt int    `json:"a"`
	Nonce   string `json:"s"`
}

// launchLater sets the task off once this burst is stored.
func (x *execution) launchLater(t *thread) {
	id, job, s := t.ID, *t.Task, t.state()
	x.effects = append(x.effects, func() { x.launch(id, job, s) })
}

// launch sets off the task of a thread: for the first time, or again after a restart.
func (x *execution) launch(id int, job task, s *state) {
	r := parseResource(s.resource)
	if r.kind == resourceActivity {
		x.e.offer(r.action, activityTask{x, id, job.Attempt})
		return
	}
	ctx, cancel := context.WithCancel(x.e.ctx)
	x.mu.Lock()
	if t := x.threads[id]; t == nil || t.Task == nil || t.Task.Attempt != job.Attempt || x.lost {
		x.mu.Unlock()
		cancel()
		return
	}
	x.cancel[id] = cancel
	x.mu.Unlock()
	x.e.goBusy(func() {
		defer cancel()
		result, f, err := x.carryOut(ctx, r, id, &job)
		if ctx.Err() != nil {
			return // timed out, aborted or shut down: nobody waits for it
		}
		if err != nil {
			f = serviceFailure(r, err)
		}
		x.e.report(x.burst(context.WithoutCancel(ctx), func() error { // even if the task times out just now
			t := x.threads[id]
			if t == nil || t.Phase != phaseTask || t.Task.Attempt != job.Attempt || t.Task.Submitted {
				return nil
			}
			x.touch(t)
			switch {
			case f != nil:
				x.taskFailed(t, f)
			case r.pattern != "":
				x.taskSubmitted(t, r, result)
			default:
				x.taskSucceeded(t, result)
			}
			return nil
		}))
	})
}

// carryOut does the task's work and gives its result or its failure. err is a failure of the service itself.
func (x *execution) carryOut(ctx context.Context, r resource, id int, job *task) (result any, f *failure, err error) {
	p := job.Parameters.V
	ctx = context.WithValue(ctx, machineKey{}, x.e.machineARN(x.rec.Machine))
	if job.Role != "" {
		if f := x.assume(job.Role); f != nil {
			return nil, f, nil
		}
		ctx = context.WithValue(ctx, roleKey{}, job.Role)
	}
	switch {
	case r.kind == resourceFunction:
		return x.invoke(ctx, r.arn, value.Text(p))
	case r.service == "lambda":
		return x.invokeByParameters(ctx, p)
	case r.service == "events":
		return x.putEvents(ctx, p)
	case r.service == "states":
		return x.startChild(ctx, r, id, job)
	default:
		return x.callService(ctx, r, p)
	}
}

func (x *execution) invoke(ctx context.Context, function string, payload []byte) (any, *failure, error) {
	if err := x.mayUse(ctx, "lambda:InvokeFunction", x.e.functionARN(function)); err != nil {
		return nil, nil, err
	}
	out, fnErr, err := x.e.invoke(ctx, function, payload)
	if err != nil {
		return nil, nil, err
	}
	if fnErr != nil {
		return nil, fnErr.failure(), nil
	}
	if len(out) == 0 {
		return nil, nil, nil
	}
	v, err := value.Parse(out)
	if err != nil {
		return nil, &failure{Name: errRuntime, task: true, Cause: "The function returned a result that is not JSON: " + err.Error()}, nil
	}
	return v, nil, nil
}

type machineKey struct{}

// MachineOf gives the ARN of the state machine that invokes a function, or calls a service, with the context; "" when none does.
func MachineOf(ctx context.Context) string {
	arn, _ := ctx.Value(machineKey{}).(string)
	return arn
}

// failure is how Step Functions shows a function's own error.
func (e *FunctionError) failure() *failure {
	f := &failure{Name: "Lambda.Unknown", Cause: string(e.Payload), task: true}
	var body struct {
		ErrorType string `json:"errorType"`
	}
	if json.Unmarshal(e.Payload, &body) == nil && body.ErrorType != "" {
		f.Name = body.ErrorType
	} else {
		f.Cause = "The cause could not be determined because Lambda did not return an error type. Returned payload: " + f.Cause
	}
	return f
}

func (x *execution) taskSucceeded(t *thread, output any) {
	s := t.state()
	r := parseResource(s.resource)
	text := value.Text(output)
	if len(text) > maxPayload {
		x.taskFailed(t, &failure{Name: errDataLimit, task: true, Cause: fmt.Sprintf(
			"The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", r.limitName())})
		return
	}
	d := r.details()
	d["output"], d["outputDetails"] = string(text), notTruncated
	x.event(t, r.event("Succeeded"), d)
	x.trial.saw("result", output)
	t.Phase = phaseRun
	if err := x.complete(t, s, output); err != nil {
		x.failState(t, s, x.asFailure(t, err))
	}
}

func (x *execution) taskSubmitted(t *thread, r resource, answer any) {
	t.Task.Submitted = true
	d := r.details()
	d["output"], d["outputDetails"] = string(value.Text(answer)), notTruncated
	x.event(t, "TaskSubmitted", d)
	if r.service == "states" && r.pattern != waitForToken {
		t.Task.Child = executionKey(textMember(answer, "ExecutionArn"))
		child, link := t.Task.Child, x.linkTo(t)
		x.effects = append(x.effects, func() { x.e.checkChild(child, link) })
	}
}

func (x *execution) taskFailed(t *thread, f *failure) {
	s := t.state()
	r := parseResource(s.resource)
	f.task = true
	d := r.details()
	maps.Copy(d, f.details())
	x.event(t, r.event("Failed"), d)
	x.failState(t, s, f)
}

func (x *execution) taskTimedOut(t *thread, name string) {
	s := t.state()
	r := parseResource(s.resource)
	f := &failure{Name: name, task: true, noCause: true}
	d := r.details()
	maps.Copy(d, f.details())
	x.event(t, r.event("TimedOut"), d)
	if cancel := x.cancel[t.ID]; cancel != nil {
		cancel()
		delete(x.cancel, t.ID)
	}
	x.stopChild(t)
	x.failState(t, s, f)
}

// stopChild aborts the execution whose end a task waited for. It is best effort, as on AWS: a child that is just being started
// goes on.
func (x *execution) stopChild(t *thread) {
	if t.Phase != phaseTask || t.Task == nil || t.Task.Child == "" {
		return
	}
	child := t.Task.Child
	x.effects = append(x.effects, func() {
		x.e.goBusy(func() {
			if c := x.e.find(child); c != nil {
				x.e.report(c.abort(x.e.ctx, &failure{noError: true, noCause: true}))
			}
		})
	})
}
