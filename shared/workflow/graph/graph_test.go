package graph_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"html"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
	"opsflow/shared/workflow/graph"
)

var update = flag.Bool("update", false, "write the drawings in testdata again; then look at them")

func builtin(t *testing.T, name string) *ops.Template {
	t.Helper()
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Name == name {
			return b
		}
	}
	t.Fatalf("there is no template %s", name)
	return nil
}

// halfway is a complaint whose refund was not proposed and whose resolution failed.
func halfway(t *ops.Template) *ops.Instance {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	i := &ops.Instance{Name: "Complaint <7> & more", Status: ops.InstanceFailed}
	states := []ops.StepStatus{ops.StepCompleted, ops.StepCompleted, ops.StepCompleted, ops.StepSkipped, ops.StepFailed, ops.StepPending}
	for n := range t.Steps {
		r := ops.StepRecord{ID: t.Steps[n].ID, Name: t.Steps[n].Name, Kind: t.Steps[n].Kind, Status: states[n]}
		if states[n].Ended() {
			r.StartedAt, r.FinishedAt = at, at.Add(time.Duration(n)*90*time.Second)
		}
		i.Steps = append(i.Steps, r)
	}
	return i
}

func TestDrawingsAreAsTheyWereLookedAt(t *testing.T) {
	t.Parallel()
	complaint := builtin(t, "complaint_resolution")
	for file, drawing := range map[string][]byte{
		"booking_processing":       graph.Document(builtin(t, "booking_processing"), nil),
		"service_delivery":         graph.Document(builtin(t, "service_delivery"), nil),
		"vendor_assignment":        graph.Document(builtin(t, "vendor_assignment"), nil),
		"complaint_resolution_run": graph.Document(complaint, halfway(complaint)),
	} {
		path := "testdata/" + file + ".svg"
		if *update {
			if err := os.WriteFile(path, drawing, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(drawing, want) {
			t.Errorf("%s is drawn otherwise than %s; if that is meant, run with -update and look at it", file, path)
		}
	}
}

func TestEveryBuiltInTemplateIsDrawnWhole(t *testing.T) {
	t.Parallel()
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		text := graph.SVG(b, nil)
		wellFormed(t, b.Name, text)
		boxes := strings.Count(text, `class="box"`)
		if boxes != len(b.Steps) {
			t.Errorf("%s: %d boxes for %d steps", b.Name, boxes, len(b.Steps))
		}
		for i := range b.Steps {
			if !strings.Contains(text, "<title>"+html.EscapeString(b.Steps[i].Name)+": ") {
				t.Errorf("%s: step %s has no title", b.Name, b.Steps[i].ID)
			}
		}
		apart(t, b.Name, text)
	}
}

func wellFormed(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s is no XML: %v", name, err)
		}
	}
}

var rectangle = regexp.MustCompile(`class="box" x="([0-9.]+)" y="([0-9.]+)" width="([0-9.]+)" height="([0-9.]+)"`)

// apart finds boxes that cover each other.
func apart(t *testing.T, name, text string) {
	t.Helper()
	var boxes [][4]float64
	for _, m := range rectangle.FindAllStringSubmatch(text, -1) {
		var b [4]float64
		for i := range b {
			var err error
			if b[i], err = strconv.ParseFloat(m[i+1], 64); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range boxes {
			if a[0] < b[0]+b[2] && b[0] < a[0]+a[2] && a[1] < b[1]+b[3] && b[1] < a[1]+a[3] {
				t.Errorf("%s: boxes at %v and %v cover each other", name, a, b)
			}
		}
		boxes = append(boxes, b)
	}
}

func TestDecisionsShowWhenTheyGoWhere(t *testing.T) {
	t.Parallel()
	text := graph.SVG(builtin(t, "service_delivery"), nil)
	for _, want := range []string{">performed = true</text>", ">otherwise</text>"} {
		if !strings.Contains(text, want) {
			t.Errorf("no label %s", want)
		}
	}
}

func TestAnInstanceShowsItsStateAndWay(t *testing.T) {
	t.Parallel()
	complaint := builtin(t, "complaint_resolution")
	text := graph.SVG(complaint, halfway(complaint))
	wellFormed(t, "instance", text)
	for _, want := range []string{
		"Complaint &lt;7&gt; &amp; more, which is failed", "is-skipped", "is-failed", ">Completed · 1 min<", ">Failed · 6 min<",
		`class="line taken"`, `class="line idle"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the drawing does not show %q", want)
		}
	}
}

func TestWhatIsWrongIsDrawnToo(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]ops.Step{
		"nothing": nil,
		"a cycle": {{ID: "a", Name: "A", DependsOn: []string{"b"}}, {ID: "b", Name: "B", DependsOn: []string{"a"}}},
		"a step that needs one that is not there": {{ID: "a", Name: "A", DependsOn: []string{"gone"}}},
		"a refusal that sends work back": {
			{ID: "a", Name: "A", Kind: ops.StepManual},
			{ID: "b", Name: strings.Repeat("long ", 40), Kind: ops.StepApproval, DependsOn: []string{"a"}, Rework: &ops.Rework{To: "a", Times: 1}},
		},
	} {
		text := graph.SVG(&ops.Template{Name: "t", Version: 1, Steps: steps}, nil)
		wellFormed(t, name, text)
		if got := strings.Count(text, `class="box"`); got != len(steps) {
			t.Errorf("%s: %d boxes for %d steps", name, got, len(steps))
		}
	}
}
