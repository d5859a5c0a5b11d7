package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/states"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table/embedded"
	"opsflow/shared/task"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

// interpreted runs compiled machines on the local runtime's interpreter of the States language.
type interpreted struct {
	states *states.Engine
}

func (m *interpreted) Create(ctx context.Context, name string, definition []byte) (string, error) {
	if wrong := m.states.ValidateStateMachineDefinition(string(definition), states.TypeStandard); len(wrong) > 0 {
		return "", fmt.Errorf("the definition is not valid: %+v", wrong)
	}
	out, err := m.states.CreateStateMachine(ctx, states.CreateStateMachineInput{Name: name, Definition: string(definition)})
	if err != nil {
		return "", err
	}
	return out.ARN, nil
}

func (m *interpreted) Start(ctx context.Context, arn, name string, input []byte) error {
	_, err := m.states.StartExecution(ctx, states.StartExecutionInput{StateMachineARN: arn, Name: name, Input: string(input)})
	return err
}

func (m *interpreted) Stop(context.Context, string, string, string) error { return nil }

func (m *interpreted) Describe(ctx context.Context, arn, name string) (ops.Execution, error) {
	x, err := m.states.DescribeExecution(ctx, strings.Replace(arn, ":stateMachine:", ":execution:", 1)+":"+name)
	if err != nil {
		return ops.Execution{}, err
	}
	return ops.Execution{Status: ops.ExecutionStatus(x.Status)}, nil
}

func (m *interpreted) SucceedTask(ctx context.Context, token string, output []byte) error {
	if err := m.states.SendTaskSuccess(ctx, token, string(output)); err != nil {
		return ops.ErrTokenUsed
	}
	return nil
}

func (m *interpreted) FailTask(ctx context.Context, token, code, cause string) error {
	if err := m.states.SendTaskFailure(ctx, token, code, cause); err != nil {
		return ops.ErrTokenUsed
	}
	return nil
}

// rig is an engine whose executions are the interpreter's.
type rig struct {
	*workflow.Engine
	tasks    *task.Service
	store    *store.Store
	clock    *clock.Clock
	machines *interpreted
	down     *atomic.Bool // its functions can't start
	away     *atomic.Bool // what its functions need does not answer
}

func interpret(t *testing.T, actions map[string]workflow.Action) *rig {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.Virtual(start)
	tbl, err := embedded.NewTable(db, "opsflow", store.Indexes(), clk.Now)
	if err != nil {
		t.Fatal(err)
	}
	random := ops.Shared(rand.NewChaCha8([32]byte{2}))
	s := store.New(tbl, random, clk.Now)
	m := &interpreted{}
	down, away := &atomic.Bool{}, &atomic.Bool{}
	functions := workflow.Functions{RunSteps: "run-steps", OpenTask: "open-task", RecordOutcome: "record-outcome"}
	e := workflow.New(workflow.Config{
		Store: s, Executions: m, Machines: m, Bus: &bus{}, Forms: form.Checker{}, Clock: clock.Invocation{Clock: clk}, Random: random, Logger: slog.New(slog.DiscardHandler),
		MachinePrefix: machinePrefix, Functions: functions, Actions: actions,
	})
	tasks := task.New(task.Config{Store: s, Executions: m, Forms: form.Checker{}, Clock: clk, Logger: slog.New(slog.DiscardHandler)})
	m.states, err = states.New(states.Options{
		DB: db, Clock: clk,
		Invoke: func(ctx context.Context, function string, payload []byte) ([]byte, *states.FunctionError, error) {
			var d workflow.Drive
			if err := json.Unmarshal(payload, &d); err != nil {
				return nil, nil, err
			}
			var p workflow.Progress
			var err error
			switch {
			case away.Load():
				err = &workflow.Unavailable{Err: errors.New("the table does not answer")}
			case function == functions.RecordOutcome:
				err = e.RecordOutcome(ctx, payload)
			case down.Load():
				err = &broken{}
			case function == functions.OpenTask:
				p, err = e.OpenTask(ctx, d)
			default:
				p, err = e.RunSteps(ctx, d)
			}
			if err != nil {
				text, _ := json.Marshal(map[string]string{"errorType": typeName(err), "errorMessage": err.Error()})
				return nil, &states.FunctionError{Payload: text}, nil
			}
			out, err := json.Marshal(p)
			return out, nil, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.states.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{e, tasks, s, clk, m, down, away}
}

func TestCompiledMachinesRunOnTheInterpreter(t *testing.T) {
	t.Parallel()
	r := interpret(t, nil)
	e, tasks, s, clk, m := r.Engine, r.tasks, r.store, r.clock, r.machines
	advance := func(d time.Duration) {
		t.Helper()
		if err := clk.Advance(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(body string) *ops.Instance {
		t.Helper()
		tpl, err := e.CreateTemplate(t.Context(), []byte(body), admin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Publish(t.Context(), tpl.Name, tpl.Version, admin, true); err != nil {
			t.Fatal(err)
		}
		i, err := e.Start(t.Context(), ops.StartRequest{Template: tpl.Name}, ops.Actor{ID: "starter"})
		if err != nil {
			t.Fatal(err)
		}
		advance(0)
		return i
	}
	ends := func(i *ops.Instance, want ops.InstanceStatus, execution ops.ExecutionStatus) {
		t.Helper()
		x, err := m.Describe(t.Context(), i.StateMachine, i.ExecutionName())
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Instance(t.Context(), i.ID)
		if err != nil || got.Status != want || x.Status != execution {
			t.Errorf("the workflow ends %s (%+v), its execution %s, %v", got.Status, got.Error, x.Status, err)
		}
	}
	body := document(
		`{"id": "first", "name": "First", "kind": "automated", "action": "assign.team"}`,
		`{"id": "wait", "name": "Cool off", "kind": "delay", "depends_on": ["first"], "for": "48h"}`,
		`{"id": "approve", "name": "Approve", "kind": "approval", "depends_on": ["wait"]}`,
		`{"id": "skipped", "name": "Skipped", "kind": "manual", "depends_on": ["approve"], "when": {"path": "context.x", "op": "exists"}}`,
		`{"id": "last", "name": "Last", "kind": "automated", "depends_on": ["approve", "skipped"], "action": "assign.team"}`)
	decide := func(i *ops.Instance, approve bool) {
		t.Helper()
		id := ops.TaskID(i.ID, "approve", 0)
		var err error
		if approve {
			_, err = tasks.Complete(t.Context(), id, member(ops.Operations), task.Decision{})
		} else {
			_, err = tasks.Reject(t.Context(), id, member(ops.Operations), "no")
		}
		if err != nil {
			t.Fatal(err)
		}
		advance(0)
	}

	approved := begin(body)
	advance(48 * time.Hour)
	decide(approved, true)
	ends(approved, ops.InstanceCompleted, ops.ExecutionSucceeded)

	refused := begin(body)
	advance(48 * time.Hour)
	decide(refused, false)
	ends(refused, ops.InstanceFailed, ops.ExecutionFailed)

	r.down.Store(true)
	lost := begin(body)
	ends(lost, ops.InstanceFailed, ops.ExecutionFailed)
}

func TestAnOutageOfHoursFailsNoWorkflow(t *testing.T) {
	t.Parallel()
	r := interpret(t, map[string]workflow.Action{"test.count": (&counting{}).act})
	tpl, err := r.CreateTemplate(t.Context(), []byte(document(`{"id": "a", "name": "A", "kind": "automated", "action": "test.count"}`)), admin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Publish(t.Context(), tpl.Name, tpl.Version, admin, true); err != nil {
		t.Fatal(err)
	}
	r.away.Store(true)
	i, err := r.Start(t.Context(), ops.StartRequest{Template: tpl.Name}, ops.Actor{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // what was away for four hours is tried again within minutes
		if err := r.clock.Advance(t.Context(), 4*time.Hour); err != nil {
			t.Fatal(err)
		}
		r.away.Store(false)
	}
	if i, err = r.store.Instance(t.Context(), i.ID); err != nil || i.Status != ops.InstanceCompleted || i.EndedAt.After(start.Add(4*time.Hour+5*time.Minute)) {
		t.Errorf("it is %s at %s (%+v), %v", i.Status, i.EndedAt, i.Error, err)
	}
}

// broken is an error that the machines do not know: as of a function that can't start.
type broken struct{}

func (*broken) Error() string { return "it can't start" }
