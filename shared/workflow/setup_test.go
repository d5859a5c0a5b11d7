package workflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/task"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

const machinePrefix = "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-"

// bundle is an engine on a real store, with executions that walk the compiled machines.
type bundle struct {
	*workflow.Engine
	tasks   *task.Service
	store   *store.Store
	saver   *crashingStore
	clock   *clock.Clock
	bus     *bus
	machine *machines
}

func setup(t *testing.T, actions map[string]workflow.Action) *bundle {
	t.Helper()
	clk := clock.Virtual(start)
	t.Cleanup(clk.Busy()) // the test is at work all the time; Sleep gives that up
	random := rand.NewChaCha8([32]byte{1})
	s := storetest.InMemory(t, clk.Now)
	b := &bundle{store: s, saver: &crashingStore{Store: s}, clock: clk, bus: &bus{}}
	b.machine = &machines{t: t, b: b, definitions: map[string][]byte{}, executions: map[string]*execution{}, tokens: map[string]*execution{}}
	b.Engine = workflow.New(workflow.Config{
		Store: b.saver, Executions: b.machine, Machines: b.machine, Bus: b.bus, Forms: form.Checker{}, Clock: clock.Invocation{Clock: clk}, Random: random,
		Logger: slog.New(slog.DiscardHandler), MachinePrefix: machinePrefix, Actions: actions,
		Functions: workflow.Functions{RunSteps: "fn-run-steps", OpenTask: "fn-open-task", RecordOutcome: "fn-record-outcome"},
	})
	b.tasks = b.tasksOn(s)
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range all {
		definition, err := workflow.Compile(template)
		if err != nil {
			t.Fatal(err)
		}
		b.machine.definitions[machinePrefix+template.Name+"-v1"] = definition
	}
	return b
}

// tasksOn makes the service of tasks on a store, which may be one that crashes.
func (b *bundle) tasksOn(s task.Store) *task.Service {
	return task.New(task.Config{Store: s, Executions: b.machine, Bus: b.bus, Forms: form.Checker{}, Clock: b.clock, Logger: slog.New(slog.DiscardHandler)})
}

// decided has somebody decide a task, and lets what follows happen. Who meets a crash tries again; a decision that was stored
// and not delivered is sweep-due's.
func (b *bundle) decided(t *testing.T, id string, decide func() error) {
	t.Helper()
	err := decide()
	crashed := errors.Is(err, errCrash)
	if crashed {
		b.saver.repair()
		err = decide()
	}
	if err != nil && (!crashed || ops.ErrorCode(err) != ops.CodeAlreadyDecided) {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	if !crashed {
		return
	}
	b.machine.advance(t.Context(), 5*time.Minute)
	if err := b.tasks.HandleDue(t.Context(), ops.Ref{Kind: ops.KindTask, ID: id}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
}

// publish stores and publishes a template.
func (b *bundle) publish(t *testing.T, body string) *ops.Template {
	t.Helper()
	tpl, err := b.CreateTemplate(t.Context(), []byte(body), admin)
	if err != nil {
		t.Fatal(err)
	}
	if tpl, err = b.Publish(t.Context(), tpl.Name, tpl.Version, admin, true); err != nil {
		t.Fatal(err)
	}
	return tpl
}

func (b *bundle) start(t *testing.T, template string, subject ops.SubjectRef, context string) *ops.Instance {
	t.Helper()
	r := ops.StartRequest{Template: template, Subject: subject}
	if err := json.Unmarshal([]byte(context), &r.Context); err != nil {
		t.Fatal(err)
	}
	i, err := b.Start(t.Context(), r, ops.Actor{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	return b.instance(t, i.ID)
}

func (b *bundle) instance(t *testing.T, id string) *ops.Instance {
	t.Helper()
	i, err := b.store.Instance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// openTask gives the one task that is open.
func (b *bundle) openTask(t *testing.T, instance string) *ops.Task {
	t.Helper()
	i := b.instance(t, instance)
	for _, s := range i.Steps {
		if s.TaskID != "" && s.Status == ops.StepInProgress {
			task, err := b.store.Task(t.Context(), s.TaskID)
			if err != nil {
				t.Fatal(err)
			}
			return task
		}
	}
	t.Fatalf("no task is open: %+v", i.Steps)
	return nil
}

func (b *bundle) complete(t *testing.T, instance, outcome, form string) {
	t.Helper()
	tsk := b.openTask(t, instance)
	b.decided(t, tsk.ID, func() error {
		_, err := b.tasks.Complete(t.Context(), tsk.ID, member(tsk.Team), task.Decision{Outcome: outcome, Form: json.RawMessage(form)})
		return err
	})
}

var admin = ops.Actor{ID: "root", Teams: []ops.Team{ops.Admin}}

func member(team ops.Team) ops.Actor {
	return ops.Actor{ID: "m-" + string(team), Teams: []ops.Team{team}}
}

// typeName is how Lambda names an error.
func typeName(err error) string {
	if err == nil {
		return ""
	}
	name := fmt.Sprintf("%T", err)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func taskDecision(outcome string) task.Decision { return task.Decision{Outcome: outcome} }
