package states_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/states"
)

// resultIs is a definition whose executions have a number as their output.
func resultIs(n int) string {
	return fmt.Sprintf(`{"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": %d, "End": true}}}`, n)
}

func createMachine(t *testing.T, r *rig, in states.CreateStateMachineInput) *states.StateMachine {
	t.Helper()
	m, err := r.engine.CreateStateMachine(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func updateMachine(t *testing.T, r *rig, in states.UpdateStateMachineInput) *states.StateMachine {
	t.Helper()
	m, err := r.engine.UpdateStateMachine(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func run(t *testing.T, r *rig, arn string) *states.Execution {
	t.Helper()
	out, err := r.engine.StartExecution(t.Context(), states.StartExecutionInput{StateMachineARN: arn})
	if err != nil {
		t.Fatal(err)
	}
	r.idle(t)
	return r.describe(t, out.ExecutionARN)
}

func TestVersionsNeverChange(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{
		Name: "m", Definition: resultIs(1), Publication: states.Publication{Publish: true, VersionDescription: "first"},
	})
	if m.VersionARN != m.ARN+":1" || m.RevisionID != "" {
		t.Fatalf("got version %s, revision %q", m.VersionARN, m.RevisionID)
	}
	second := updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Definition: resultIs(2), Publication: states.Publication{Publish: true}})
	if second.VersionARN != m.ARN+":2" || second.RevisionID == "" {
		t.Fatalf("got version %s, revision %q", second.VersionARN, second.RevisionID)
	}
	updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Definition: resultIs(3)})
	r.restart(t)
	for arn, want := range map[string]string{m.ARN: "3", m.ARN + ":1": "1", m.ARN + ":2": "2"} {
		x := run(t, r, arn)
		r.wantSucceeded(t, x.ARN, want)
		version := ""
		if arn != m.ARN {
			version = arn
		}
		if x.StateMachineARN != m.ARN || x.VersionARN != version || x.AliasARN != "" {
			t.Errorf("%s: got %+v", arn, x)
		}
		from, err := r.engine.DescribeStateMachineForExecution(t.Context(), x.ARN)
		if err != nil || from.Definition != resultIs(int(want[0]-'0')) {
			t.Errorf("%s: began with %s, %v", arn, from.Definition, err)
		}
	}
	first, err := r.engine.DescribeStateMachine(t.Context(), m.ARN+":1")
	if err != nil || first.ARN != m.ARN+":1" || first.Definition != resultIs(1) || first.Description != "first" {
		t.Errorf("got %+v, %v", first, err)
	}
	_, err = r.engine.StartExecution(t.Context(), states.StartExecutionInput{StateMachineARN: m.ARN + ":3"})
	wantError(t, err, "StateMachineDoesNotExist")
	if !strings.Contains(err.Error(), "State Machine Does Not Exist: '"+m.ARN+":3'") {
		t.Errorf("got %v", err)
	}
	listed, _, err := r.engine.ListExecutions(t.Context(), states.ListExecutionsInput{StateMachineARN: m.ARN + ":2"})
	if err != nil || len(listed) != 1 || listed[0].VersionARN != m.ARN+":2" {
		t.Errorf("of version 2 %v are listed, %v", listed, err)
	}
}

func TestARevisionHasOneVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{Name: "m", Definition: resultIs(1)})
	publish := func(revision string) string {
		v, err := r.engine.PublishStateMachineVersion(t.Context(), m.ARN, revision, "")
		if err != nil {
			t.Fatal(err)
		}
		return v.ARN
	}
	if first, again := publish(""), publish(""); first != m.ARN+":1" || again != first {
		t.Errorf("got %s, then %s", first, again)
	}
	same := updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Definition: resultIs(1), Publication: states.Publication{Publish: true}})
	if same.RevisionID != "" || same.VersionARN != m.ARN+":1" {
		t.Errorf("an update that changes nothing made revision %q, version %s", same.RevisionID, same.VersionARN)
	}
	changed := updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Definition: resultIs(2)})
	if v := publish(changed.RevisionID); v != m.ARN+":2" {
		t.Errorf("got %s", v)
	}
	newer := updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Definition: resultIs(3)})
	_, err := r.engine.PublishStateMachineVersion(t.Context(), m.ARN, changed.RevisionID, "")
	wantError(t, err, "ConflictException")
	want := "Failed to publish the State Machine version for revision " + changed.RevisionID + ". The current State Machine revision is " + newer.RevisionID + "."
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	for range 2 { // deleting it again is no error
		if err := r.engine.DeleteStateMachineVersion(t.Context(), m.ARN+":2"); err != nil {
			t.Fatal(err)
		}
	}
	if v := publish(""); v != m.ARN+":3" {
		t.Errorf("a number was given twice: %s", v)
	}
	list, _, err := r.engine.ListStateMachineVersions(t.Context(), m.ARN, states.Page{})
	if err != nil || len(list) != 2 || list[0].ARN != m.ARN+":3" || list[1].ARN != m.ARN+":1" {
		t.Errorf("got %v, %v", list, err)
	}
	_, err = r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{
		Name: "other", Definition: resultIs(1), Publication: states.Publication{VersionDescription: "x"},
	})
	wantError(t, err, "ValidationException")
}

func TestAnAliasSharesExecutionsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{Name: "m", Definition: resultIs(1), Publication: states.Publication{Publish: true}})
	updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Definition: resultIs(2), Publication: states.Publication{Publish: true}})
	routes := []states.Route{{VersionARN: m.ARN + ":1", Weight: 70}, {VersionARN: m.ARN + ":2", Weight: 30}}
	a, err := r.engine.CreateStateMachineAlias(t.Context(), "PROD", "live", routes)
	if err != nil || a.ARN != m.ARN+":PROD" {
		t.Fatalf("got %+v, %v", a, err)
	}
	again, err := r.engine.CreateStateMachineAlias(t.Context(), "PROD", "live", routes)
	if err != nil || again.ARN != a.ARN {
		t.Fatalf("got %+v, %v", again, err)
	}
	_, err = r.engine.CreateStateMachineAlias(t.Context(), "PROD", "other", routes)
	wantError(t, err, "ConflictException")
	outputs := map[string]int{}
	for range 200 {
		x := run(t, r, a.ARN)
		if x.AliasARN != a.ARN || x.VersionARN != m.ARN+":"+deref(x.Output) {
			t.Fatalf("got %+v", x)
		}
		outputs[deref(x.Output)]++
	}
	if outputs["1"] < 100 || outputs["2"] < 25 { // 140 and 60 are to be expected
		t.Errorf("of 200 executions %v took the versions", outputs)
	}
	err = r.engine.DeleteStateMachineVersion(t.Context(), m.ARN+":1")
	wantError(t, err, "ConflictException")
	if !strings.Contains(err.Error(), "Current list of aliases referencing this version: [PROD]") {
		t.Errorf("got %v", err)
	}
	r.advance(t, time.Minute)
	if _, err := r.engine.UpdateStateMachineAlias(t.Context(), a.ARN, nil, []states.Route{{VersionARN: m.ARN + ":2", Weight: 100}}); err != nil {
		t.Fatal(err)
	}
	got, err := r.engine.DescribeStateMachineAlias(t.Context(), a.ARN)
	if err != nil || got.Description != "live" || len(got.Routes) != 1 || got.UpdatedAt.Sub(got.CreatedAt) != time.Minute {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := r.engine.DeleteStateMachineVersion(t.Context(), m.ARN+":1"); err != nil {
		t.Error(err)
	}
	for of, want := range map[string]int{m.ARN: 1, m.ARN + ":2": 1, m.ARN + ":9": 0} {
		list, _, err := r.engine.ListStateMachineAliases(t.Context(), of, states.Page{})
		if err != nil || len(list) != want {
			t.Errorf("%s: got %v, %v", of, list, err)
		}
	}
	for range 2 {
		if err := r.engine.DeleteStateMachineAlias(t.Context(), a.ARN); err != nil {
			t.Fatal(err)
		}
	}
	_, err = r.engine.DescribeStateMachineAlias(t.Context(), a.ARN)
	wantError(t, err, "ResourceNotFound")
	_, err = r.engine.UpdateStateMachineAlias(t.Context(), a.ARN, new("x"), nil)
	wantError(t, err, "ResourceNotFound")
	_, err = r.engine.StartExecution(t.Context(), states.StartExecutionInput{StateMachineARN: a.ARN})
	wantError(t, err, "StateMachineDoesNotExist")
}

func TestWhatIsWrongWithAnAlias(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{Name: "m", Definition: resultIs(1), Publication: states.Publication{Publish: true}})
	to := func(version string, weight int) states.Route {
		return states.Route{VersionARN: m.ARN + version, Weight: weight}
	}
	for name, c := range map[string]struct {
		alias  string
		routes []states.Route
		code   string
		want   string
	}{
		"a number":        {"123", []states.Route{to(":1", 100)}, "ValidationException", "satisfy regular expression pattern"},
		"a blank":         {"A B", []states.Route{to(":1", 100)}, "ValidationException", "satisfy regular expression pattern"},
		"too long":        {strings.Repeat("A", 81), []states.Route{to(":1", 100)}, "ValidationException", "length less than or equal to 80"},
		"no routes":       {"A", nil, "ValidationException", "got 0"},
		"three routes":    {"A", []states.Route{to(":1", 50), to(":2", 30), to(":3", 20)}, "ValidationException", "got 3"},
		"no version":      {"A", []states.Route{to("", 100)}, "ValidationException", "must contain state machine version ARNs. Received: [" + m.ARN + "]"},
		"twice the same":  {"A", []states.Route{to(":1", 50), to(":1", 50)}, "ValidationException", "must contain distinct state machine version ARNs"},
		"too heavy":       {"A", []states.Route{to(":1", 101)}, "ValidationException", "less than or equal to 100"},
		"not 100":         {"A", []states.Route{to(":1", 70), to(":2", 29)}, "ValidationException", "must equal 100. Received: [70, 29]"},
		"unknown version": {"A", []states.Route{to(":7", 100)}, "ResourceNotFound", "references a resource that does not exist"},
	} {
		_, err := r.engine.CreateStateMachineAlias(t.Context(), c.alias, "", c.routes)
		wantError(t, err, c.code)
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestDeletingAMachineDeletesAllOfIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := func() *states.StateMachine {
		return createMachine(t, r, states.CreateStateMachineInput{
			Name: "m", Definition: resultIs(1), Publication: states.Publication{Publish: true}, Tags: []states.Tag{{Key: "k", Value: "v"}},
		})
	}
	m := made()
	if _, err := r.engine.CreateStateMachineAlias(t.Context(), "A", "", []states.Route{{VersionARN: m.VersionARN, Weight: 100}}); err != nil {
		t.Fatal(err)
	}
	if err := r.engine.DeleteStateMachine(t.Context(), m.ARN); err != nil {
		t.Fatal(err)
	}
	_, err := r.engine.DescribeStateMachine(t.Context(), m.VersionARN)
	wantError(t, err, "StateMachineDoesNotExist")
	_, err = r.engine.ListTagsForResource(t.Context(), m.ARN)
	wantError(t, err, "ResourceNotFound")
	if m := made(); m.VersionARN != m.ARN+":1" {
		t.Errorf("a new machine begins with version %s", m.VersionARN)
	}
	_, err = r.engine.DescribeStateMachineAlias(t.Context(), m.ARN+":A")
	wantError(t, err, "ResourceNotFound")
}

func TestTagsAreKept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{
		Name: "m", Definition: resultIs(1), Publication: states.Publication{Publish: true}, Tags: []states.Tag{{Key: "a", Value: "1"}},
	})
	a, err := r.engine.CreateActivity(t.Context(), "act", states.Tag{Key: "a", Value: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{m.ARN, a.ARN} {
		if err := r.engine.TagResource(t.Context(), arn, []states.Tag{{Key: "b"}, {Key: "a", Value: "2"}}); err != nil {
			t.Fatal(err)
		}
		tags, err := r.engine.ListTagsForResource(t.Context(), arn)
		if want := []states.Tag{{Key: "a", Value: "2"}, {Key: "b"}}; err != nil || !slices.Equal(tags, want) {
			t.Errorf("%s: got %v, %v", arn, tags, err)
		}
		if err := r.engine.UntagResource(t.Context(), arn, []string{"a", "none"}); err != nil {
			t.Fatal(err)
		}
		if tags, err = r.engine.ListTagsForResource(t.Context(), arn); err != nil || !slices.Equal(tags, []states.Tag{{Key: "b"}}) {
			t.Errorf("%s: got %v, %v", arn, tags, err)
		}
	}
	var many []states.Tag
	for i := range 50 {
		many = append(many, states.Tag{Key: fmt.Sprint("k", i)})
	}
	wantError(t, r.engine.TagResource(t.Context(), m.ARN, many), "TooManyTags") // with b
	for _, bad := range []states.Tag{{}, {Key: strings.Repeat("k", 129)}, {Key: "k", Value: strings.Repeat("v", 257)}, {Key: "a;b"}, {Key: "aws:x"}} {
		wantError(t, r.engine.TagResource(t.Context(), m.ARN, []states.Tag{bad}), "ValidationException")
	}
	wantError(t, r.engine.TagResource(t.Context(), m.VersionARN, nil), "ResourceNotFound")
	wantError(t, r.engine.TagResource(t.Context(), "arn:aws:states:us-east-1:000000000000:execution:m:n", nil), "InvalidArn")
}

func TestSettingsAreKeptAndChecked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	destination := func(arn string) (d states.LogDestination) { d.LogGroup.ARN = arn; return d }
	group := destination("arn:aws:logs:us-east-1:000000000000:log-group:g:*")
	logging := &states.Logging{Level: "ALL", IncludeExecutionData: true, Destinations: []states.LogDestination{group}}
	in := states.CreateStateMachineInput{
		Name: "m", Definition: resultIs(1),
		Settings: states.Settings{
			Logging: logging, Tracing: &states.Tracing{Enabled: true}, Encryption: &states.Encryption{Type: "CUSTOMER_MANAGED_KMS_KEY", KeyID: "k"},
		},
	}
	m := createMachine(t, r, in)
	in.RoleARN, in.Tags = anyRole, []states.Tag{{Key: "k"}} // differ, and do not count
	createMachine(t, r, in)
	in.Settings.Tracing = nil
	_, err := r.engine.CreateStateMachine(t.Context(), in)
	wantError(t, err, "StateMachineAlreadyExists")
	x := run(t, r, m.ARN)
	updateMachine(t, r, states.UpdateStateMachineInput{ARN: m.ARN, Settings: states.Settings{Logging: &states.Logging{}}})
	got, err := r.engine.DescribeStateMachine(t.Context(), m.ARN)
	if err != nil || got.Settings.Logging.Level != "OFF" || !got.Settings.Tracing.Enabled || got.Settings.Encryption.ReuseSeconds != 300 || got.RevisionID == "" {
		t.Errorf("got %s, %v", mustText(t, got), err)
	}
	then, err := r.engine.DescribeStateMachineForExecution(t.Context(), x.ARN)
	if err != nil || then.Settings.Logging.Level != "ALL" || then.RevisionID != "" {
		t.Errorf("got %s, %v", mustText(t, then), err)
	}
	_, err = r.engine.UpdateStateMachine(t.Context(), states.UpdateStateMachineInput{ARN: m.ARN})
	wantError(t, err, "MissingRequiredParameter")
	for name, c := range map[string]struct {
		settings states.Settings
		code     string
	}{
		"no destination":  {states.Settings{Logging: &states.Logging{Level: "ERROR"}}, "InvalidLoggingConfiguration"},
		"two of them":     {states.Settings{Logging: &states.Logging{Level: "OFF", Destinations: []states.LogDestination{group, group}}}, "InvalidLoggingConfiguration"},
		"no log group":    {states.Settings{Logging: &states.Logging{Level: "ALL", Destinations: []states.LogDestination{destination("g")}}}, "InvalidLoggingConfiguration"},
		"unknown level":   {states.Settings{Logging: &states.Logging{Level: "SOME"}}, "ValidationException"},
		"no key":          {states.Settings{Encryption: &states.Encryption{Type: "CUSTOMER_MANAGED_KMS_KEY"}}, "InvalidEncryptionConfiguration"},
		"too short a use": {states.Settings{Encryption: &states.Encryption{Type: "CUSTOMER_MANAGED_KMS_KEY", KeyID: "k", ReuseSeconds: 59}}, "InvalidEncryptionConfiguration"},
		"unknown type":    {states.Settings{Encryption: &states.Encryption{Type: "X"}}, "ValidationException"},
	} {
		_, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "other", Definition: resultIs(1), Settings: c.settings})
		t.Log(name)
		wantError(t, err, c.code)
	}
}
