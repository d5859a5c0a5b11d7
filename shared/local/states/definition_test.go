package states_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/local/states"
)

// example is a definition with what CreateStateMachine makes of it. refused begins one of the diagnostics; "" is none.
type example struct {
	definition, refused string
	// elsewhere says why asl-validator judges otherwise; "" when it agrees.
	elsewhere string
}

const (
	noIntegrations = "it does not look into the parameters of service integrations"
	noReach        = "it does not ask whether a state can be reached"
	noNames        = "it does not look at names"
	noRanges       = "its schema has no upper bounds"
	noValues       = "its schema does not look at this value"
	noNesting      = "it takes a field wherever another object of its kind has it"
)

// one is a definition of one state that ends.
func one(fields string) string { return `{"StartAt":"A","States":{"A":{` + fields + `,"End":true}}}` }

// two is a definition of a state and what it leads to.
func two(fields string) string {
	return `{"StartAt":"A","States":{"A":{` + fields + `},"B":{"Type":"Succeed"}}}`
}

func task(more string) string {
	return one(`"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"` + more)
}

func integration(resource, parameters string) string {
	return one(`"Type":"Task","Resource":"arn:aws:states:::` + resource + `","Parameters":` + parameters)
}

func choice(rule string) string { return two(`"Type":"Choice","Choices":[` + rule + `]`) }

func mapOf(more, processor string) string {
	return one(`"Type":"Map"` + more + `,"ItemProcessor":{` + processor + `"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`)
}

const distributed = `"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},`

// examples has one definition for each rule that CreateStateMachine goes by, and the nearest that keeps to it.
func examples() map[string]example {
	unsupported := func(field string) string {
		return "SCHEMA_VALIDATION_FAILED: Field '" + field + "' is not supported at "
	}
	all := map[string]example{
		"a Pass":                     {definition: one(`"Type":"Pass"`)},
		"a comment":                  {definition: `{"Comment":"c","Version":"1.0","StartAt":"A","States":{"A":{"Comment":"c","Type":"Succeed"}}}`},
		"not JSON":                   {`{"StartAt":`, "INVALID_JSON_DESCRIPTION", "it is given JSON"},
		"no states":                  {`{"StartAt":"A"}`, "SCHEMA_VALIDATION_FAILED: These fields are required: [States]", ""},
		"an unknown type":            {one(`"Type":"Passs"`), "SCHEMA_VALIDATION_FAILED: Value is not valid", ""},
		"a name too long":            {strings.ReplaceAll(one(`"Type":"Pass"`), `"A"`, `"`+strings.Repeat("A", 81)+`"`), "SCHEMA_VALIDATION_FAILED: State name", ""},
		"a name just short enough":   {definition: strings.ReplaceAll(one(`"Type":"Pass"`), `"A"`, `"`+strings.Repeat("é", 80)+`"`)},
		"an unknown target":          {`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}`, "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next", ""},
		"an unknown start":           {strings.Replace(one(`"Type":"Pass"`), `"StartAt":"A"`, `"StartAt":"B"`, 1), "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /StartAt", ""},
		"a state nothing leads to":   {`{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}}}`, `MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B`, ""},
		"a circle beside the path":   {`{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","Next":"B"}}}`, `MISSING_TRANSITION_TARGET: State "B" is not reachable.`, noReach},
		"a circle without an end":    {`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}`, "MISSING_END_STATE: Workflow has no terminal state", ""},
		"a state reached by a Catch": {definition: `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"End":true},"B":{"Type":"Fail"}}}`},

		"JSONata's Output":         {one(`"Type":"Pass","Output":{}`), unsupported("Output"), ""},
		"a field twice":            {one(`"Type":"Pass","Parameters":{"a":1,"a.$":"$.a"}`), "SCHEMA_VALIDATION_FAILED: The field 'a' is given twice", ""},
		"a variable":               {definition: one(`"Type":"Pass","Assign":{"x.$":"$.x","größe":2}`)},
		"the variable states":      {one(`"Type":"Pass","Assign":{"states":1}`), "SCHEMA_VALIDATION_FAILED: Variable name 'states' is reserved", noNames},
		"a variable with a dot":    {one(`"Type":"Pass","Assign":{"a.b":1}`), "SCHEMA_VALIDATION_FAILED: Variable name", noNames},
		"a variable too long":      {one(`"Type":"Pass","Assign":{"` + strings.Repeat("a", 81) + `":1}`), "SCHEMA_VALIDATION_FAILED: Variable name", noNames},
		"a Succeed that goes on":   {two(`"Type":"Succeed","Next":"B"`), unsupported("Next"), ""},
		"a wait of a leap century": {one(`"Type":"Wait","Seconds":99999999`), "", ""},
		"a wait longer than that":  {one(`"Type":"Wait","Seconds":100000000`), "SCHEMA_VALIDATION_FAILED: Expected value of type Integer", noRanges},
		"two waits in one":         {one(`"Type":"Wait","Seconds":1,"Timestamp":"2026-01-01T00:00:00Z"`), "SCHEMA_VALIDATION_FAILED: Exactly one of these fields", ""},

		"a retrier": {definition: task(`,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":2,"MaxDelaySeconds":3,"JitterStrategy":"FULL","BackoffRate":1.5,"MaxAttempts":0}]`)},
		"an unknown jitter": {
			task(`,"Retry":[{"ErrorEquals":["States.ALL"],"JitterStrategy":"SOME"}]`), "SCHEMA_VALIDATION_FAILED: Value is not valid: expected one of [FULL, NONE]", noValues,
		},
		"an interval of a fraction": {
			task(`,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1.5}]`), "SCHEMA_VALIDATION_FAILED: Expected value of type Integer", noValues,
		},
		"a delay below the interval": {
			task(`,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":5,"MaxDelaySeconds":5}]`), "SCHEMA_VALIDATION_FAILED: MaxDelaySeconds must be greater", "it compares no two fields",
		},
		"a delay of more than a year": {
			task(`,"Retry":[{"ErrorEquals":["States.ALL"],"MaxDelaySeconds":31622401}]`), "SCHEMA_VALIDATION_FAILED: MaxDelaySeconds must be greater", noRanges,
		},
		"States.ALL and another": {
			task(`,"Retry":[{"ErrorEquals":["States.ALL","E"]}]`), "SCHEMA_VALIDATION_FAILED: States.ALL must appear alone", "it does not look at the names of errors",
		},
		"a catcher that leads nowhere": {task(`,"Catch":[{"ErrorEquals":["E"]}]`), "SCHEMA_VALIDATION_FAILED: These fields are required: [Next]", ""},
		"a function without its alias": {one(`"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:f:"`), "SCHEMA_VALIDATION_FAILED: The resource provided", ""},
		"an alias that is none":        {one(`"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:f:$*#$7"`), "SCHEMA_VALIDATION_FAILED: The resource provided", "it takes any text for an alias"},
		"two timeouts":                 {task(`,"TimeoutSeconds":1,"TimeoutSecondsPath":"$.t"`), "SCHEMA_VALIDATION_FAILED: There should only be one of the following fields", ""},
		"credentials":                  {definition: task(`,"Credentials":{"RoleArn.$":"$.role"}`)},
		"credentials that are null":    {task(`,"Credentials":null`), "SCHEMA_VALIDATION_FAILED: Expected value of type Object", ""},
		"credentials without a role":   {task(`,"Credentials":{}`), "SCHEMA_VALIDATION_FAILED: Exactly one of these fields", "it takes any object"},

		"an integration":               {definition: integration("sqs:sendMessage", `{"QueueUrl":"u","MessageBody.$":"$"}`)},
		"an integration lacks a field": {integration("lambda:invoke", `{"Payload":{}}`), "SCHEMA_VALIDATION_FAILED: The field 'FunctionName' is required but was missing", noIntegrations},
		"an integration has too many":  {integration("sqs:sendMessage", `{"QueueUrl":"u","MessageBody":"b","Body":"b"}`), `SCHEMA_VALIDATION_FAILED: The field "Body" is not supported`, noIntegrations},

		"a comparison":              {definition: choice(`{"Variable":"$.a","NumericGreaterThanPath":"$.b","Next":"B"}`)},
		"conditions within another": {definition: choice(`{"And":[{"Variable":"$.a","IsPresent":true},{"Not":{"Variable":"$.b","StringMatches":"x*"}}],"Next":"B"}`)},
		"an And of nothing":         {choice(`{"And":[],"Next":"B"}`), "SCHEMA_VALIDATION_FAILED: Expected at least one condition", ""},
		"a Next within an And":      {choice(`{"And":[{"Variable":"$.a","IsNull":true,"Next":"B"}],"Next":"B"}`), unsupported("Next"), noNesting},
		"an unknown comparison":     {choice(`{"Variable":"$.a","StringIs":"x","Next":"B"}`), unsupported("StringIs"), ""},
		"And and Or":                {choice(`{"And":[{"Variable":"$.a","IsNull":true}],"Or":[{"Variable":"$.a","IsNull":true}],"Next":"B"}`), "SCHEMA_VALIDATION_FAILED: Exactly one of these fields", ""},

		"a Map":                           {definition: mapOf(`,"MaxConcurrency":2`, "")},
		"a distributed Map":               {definition: mapOf(`,"ToleratedFailurePercentage":100,"Label":"l"`, distributed)},
		"a distributed Map of no type":    {mapOf(``, `"ProcessorConfig":{"Mode":"DISTRIBUTED"},`), "SCHEMA_VALIDATION_FAILED: These fields are required: [ExecutionType]", ""},
		"an unknown mode":                 {mapOf(``, `"ProcessorConfig":{"Mode":"EVERYWHERE"},`), "SCHEMA_VALIDATION_FAILED: Value is not valid: expected one of [INLINE, DISTRIBUTED]", ""},
		"more than all may fail":          {mapOf(`,"ToleratedFailurePercentage":101`, distributed), "SCHEMA_VALIDATION_FAILED: Expected value of type Number, from 0 to 100", ""},
		"a tolerance of an inline Map":    {mapOf(`,"ToleratedFailureCount":1`, ""), "SCHEMA_VALIDATION_FAILED: Field 'ToleratedFailureCount' is supported in a distributed Map only", noNesting},
		"two sizes of one batch":          {mapOf(`,"ItemBatcher":{"MaxItemsPerBatch":1,"MaxItemsPerBatchPath":"$.n"}`, distributed), "SCHEMA_VALIDATION_FAILED: There should only be one of the following fields", ""},
		"a branch with a timeout":         {one(`"Type":"Parallel","Branches":[{"TimeoutSeconds":1,"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}]`), unsupported("TimeoutSeconds"), noNesting},
		"a name in two branches":          {one(`"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}]`), "DUPLICATE_STATE_NAME", ""},
		"a branch that can't come to end": {one(`"Type":"Parallel","Branches":[{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"P"}}}]`), "MISSING_END_STATE", ""},
	}
	for field, kinds := range map[string][]string{
		`"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}]`: {"Pass", "Wait", "Choice", "Succeed", "Fail"},
		`"Retry":[{"ErrorEquals":["States.ALL"]}]`:            {"Pass", "Wait", "Choice", "Succeed", "Fail"},
		`"TimeoutSeconds":1`:                                  {"Pass", "Wait", "Choice", "Succeed", "Fail", "Parallel", "Map"},
		`"Bogus":1`:                                           {"Pass", "Wait", "Choice", "Succeed", "Fail", "Parallel", "Map", "Task"},
	} {
		name := strings.Split(field, `"`)[1]
		for _, kind := range kinds {
			fields := map[string]string{
				"Pass": `"Next":"B"`, "Wait": `"Seconds":1,"Next":"B"`, "Choice": `"Choices":[{"Variable":"$.a","IsNull":true,"Next":"B"}]`,
				"Succeed": `"Comment":"c"`, "Fail": `"Error":"e"`, "Task": `"Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Next":"B"`,
				"Parallel": `"Branches":[{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}],"Next":"B"`,
				"Map":      `"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"Next":"B"`,
			}[kind]
			all[name+" on "+kind] = example{two(`"Type":"` + kind + `",` + fields + `,` + field), unsupported(name), ""}
		}
	}
	return all
}

func TestCreateStateMachineRefusesWhatAWSRefuses(t *testing.T) {
	t.Parallel()
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newRig(t).engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "m", Definition: e.definition})
			switch {
			case e.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case e.refused != "":
				wantError(t, err, "InvalidDefinition")
				if err != nil && !strings.Contains(err.Error(), e.refused) {
					t.Errorf("got %v; want %s", err, e.refused)
				}
			}
		})
	}
}

// TestCreateStateMachineAgreesWithAslValidator asks asl-validator about the same definitions: where it judges otherwise, the
// example says why.
func TestCreateStateMachineAgreesWithAslValidator(t *testing.T) {
	t.Parallel()
	all := examples()
	var names []string
	var definitions []json.RawMessage
	for name, e := range all {
		if _, kind, each := strings.Cut(name, " on "); each && kind != "Pass" {
			continue // it takes its time: one type of state is enough
		}
		if json.Valid([]byte(e.definition)) {
			names, definitions = append(names, name), append(definitions, json.RawMessage(e.definition))
		}
	}
	in, err := json.Marshal(definitions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "-e", `
		const validate = require(process.argv[1] + "/asl-validator/dist/src/validator.js");
		const all = JSON.parse(require("fs").readFileSync(0, "utf8"));
		console.log(JSON.stringify(all.map(d => validate(d, {checkPaths: true, checkArn: true}).isValid)));`,
		filepath.Join(root(t), ".tools", "node", "node_modules"))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asl-validator (make tools installs it): %v", err)
	}
	var accepted []bool
	if err := json.Unmarshal(out, &accepted); err != nil || len(accepted) != len(names) {
		t.Fatalf("asl-validator said %s: %v", out, err)
	}
	for i, name := range names {
		e := all[name]
		if agrees := accepted[i] == (e.refused == ""); agrees == (e.elsewhere != "") {
			t.Errorf("%s: asl-validator accepts it: %v; said to be judged otherwise: %q", name, accepted[i], e.elsewhere)
		}
	}
	if !slices.Contains(accepted, true) || !slices.Contains(accepted, false) {
		t.Error("asl-validator judges all definitions alike")
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAnExpressStateMachineWaitsForNobody(t *testing.T) {
	t.Parallel()
	for name, definition := range map[string]string{
		"a task token":      integration("lambda:invoke.waitForTaskToken", `{"FunctionName":"f"}`),
		"a child":           integration("states:startExecution.sync:2", `{"StateMachineArn":"m"}`),
		"an activity":       one(`"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:a"`),
		"a distributed Map": mapOf("", distributed),
	} {
		r := newRig(t)
		in := states.CreateStateMachineInput{Name: "m", Definition: definition, Type: states.TypeExpress}
		if _, err := r.engine.CreateStateMachine(t.Context(), in); err == nil || !strings.Contains(err.Error(), "Express state machine does not support") {
			t.Errorf("%s: got %v", name, err)
		}
		in.Type = states.TypeStandard
		if _, err := r.engine.CreateStateMachine(t.Context(), in); err != nil {
			t.Errorf("%s in a standard one: %v", name, err)
		}
	}
}
