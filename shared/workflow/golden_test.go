package workflow_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each built-in template runs by its own example, and what it did, when, stands in testdata/history. After a change that is
// meant: go test ./shared/workflow -run History -update
func TestTheHistoryOfEachBuiltinTemplateIsAsWrittenDown(t *testing.T) {
	t.Parallel()
	for _, tpl := range builtin(t) {
		t.Run(tpl.Name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			sparkle := reviewed() // whom the example of a review is about
			sparkle.ID = "vendor-sparkle"
			b.save(t, sparkle)
			example := tpl.Example
			if example == nil {
				example = &ops.Example{}
			}
			context, err := json.Marshal(example.Context)
			if err != nil {
				t.Fatal(err)
			}
			i := b.start(t, tpl.Name, example.Subject, string(context))
			for n := 0; !i.Status.Ended(); n++ {
				if i = b.wait(t, i.ID); i.Status.Ended() {
					break
				}
				if n > len(tpl.Steps) || i.WaitingFor == nil || i.WaitingFor.Kind != "task" {
					t.Fatalf("it is %s and waits for %+v", i.Status, i.WaitingFor)
				}
				b.machine.advance(t.Context(), 10*time.Minute)
				todo := b.openTask(t, i.ID)
				answer := example.Answers[todo.Step]
				d := task.Decision{Outcome: answer.Outcome, Form: answer.Form}
				if _, err := b.tasks.Complete(t.Context(), todo.ID, member(todo.Team), d); err != nil {
					t.Fatal(err)
				}
				b.machine.run(t.Context())
				i = b.instance(t, i.ID)
			}
			if i.Status != ops.InstanceCompleted {
				t.Errorf("ends %s: %+v", i.Status, i.Error)
			}
			golden(t, filepath.Join("testdata", "history", tpl.Name+".txt"), written(i, b.bus.events))
		})
	}
}

// written is an instance's history, its steps and what it sent, as people read it. Random ids are left out.
func written(i *ops.Instance, sent []ops.OutEvent) string {
	var out strings.Builder
	line := func(words ...string) {
		fmt.Fprintln(&out, strings.TrimRight(strings.Join(words, "  "), " "))
	}
	for _, h := range i.History {
		line(fmt.Sprintf("%8s", h.At.Sub(start)), fmt.Sprintf("%-14s", h.What), fmt.Sprintf("%-20s", h.Step), h.By, string(h.Detail))
	}
	line()
	for _, s := range i.Steps {
		line(fmt.Sprintf("%-20s", s.ID), string(s.Status), s.Chosen, string(s.Output))
	}
	line()
	for _, e := range sent {
		line(string(e.Type), e.ID, string(e.Detail))
	}
	text := strings.ReplaceAll(out.String(), i.ID, "wf-1")
	for _, s := range i.Steps {
		if s.TaskID != "" {
			text = strings.ReplaceAll(text, s.TaskID, "task-"+s.ID)
		}
	}
	return text
}

// golden compares a text with a file, or writes the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // to be read by all
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s says\n%s\nbut it was\n%s", path, want, got)
	}
}

func TestAWaitOfThirtyDaysTakesThatLong(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(`{"id": "month", "name": "A month", "kind": "delay", "for": "720h"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if i.WaitingFor == nil || !i.WaitingFor.Until.Equal(start.Add(720*time.Hour)) {
		t.Fatalf("waits for %+v", i.WaitingFor)
	}
	b.machine.advance(t.Context(), 720*time.Hour-time.Second)
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceRunning {
		t.Errorf("a second before its end it is %s", i.Status)
	}
	b.machine.advance(t.Context(), time.Second)
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || !i.EndedAt.Equal(start.Add(720*time.Hour)) {
		t.Errorf("it is %s, ended at %s", i.Status, i.EndedAt)
	}
}
