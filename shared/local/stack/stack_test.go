package stack_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/stack"
	"opsflow/shared/store"
)

const root = "../../.."

func load(t *testing.T, parameters map[string]string) *stack.Stack {
	t.Helper()
	given := map[string]string{"OidcIssuer": "https://issuer.test"}
	maps.Copy(given, parameters)
	s, err := stack.Load(filepath.Join(root, "template.yaml"), given)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, template string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(path, []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTableOfTheTemplateIsTheOneThatTheStoreDeclares(t *testing.T) {
	t.Parallel()
	tables := load(t, nil).Tables
	if len(tables) != 1 || tables[0].Name != "opsflow" || tables[0].Hash != "pk" || tables[0].Range != "sk" || tables[0].TTL != "expires_at" {
		t.Fatalf("tables: %+v", tables)
	}
	got := tables[0].Indexes
	want := store.Indexes()
	if len(got) != len(want) {
		t.Fatalf("%d indexes, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Name != w.Name || g.Hash != w.Name+"_pk" || g.Range != w.Name+"_sk" {
			t.Errorf("index %d is %+v, want %s", i, g, w.Name)
		}
		kind, include := "KEYS_ONLY", []string(nil)
		if len(w.Project) > 0 {
			kind, include = "INCLUDE", append([]string{"v", "expires_at"}, w.Project...)
		}
		if g.Type != kind || !slices.Equal(g.Include, include) {
			t.Errorf("index %s projects %s %v, want %s %v", g.Name, g.Type, g.Include, kind, include)
		}
	}
}

func TestEveryEventFamilyHasItsOwnFunctionAndQueue(t *testing.T) {
	t.Parallel()
	s := load(t, nil)
	patterns := map[string]string{
		"opsflow-match-bookings": `{"detail-type":["booking_created","booking_confirmed"]}`,
		"opsflow-match-payments": `{"detail-type":["payment_received"]}`,
		"opsflow-match-services": `{"detail-type":["service_completed","customer_complaint"]}`,
		"opsflow-match-vendors":  `{"detail-type":["vendor_assigned","quality_score_updated","sla_violation"]}`,
		"opsflow-match-others": `{"detail-type":[{"anything-but":["booking_created","booking_confirmed","payment_received",` +
			`"service_completed","customer_complaint","vendor_assigned","quality_score_updated","sla_violation"]}],` +
			`"source":[{"anything-but":"opsflow"}]}`,
		"opsflow-deliver-notification": `{"detail-type":["notification_requested"],"source":["opsflow"]}`,
	}
	queues := map[string]bool{}
	for _, r := range s.Rules {
		want, ok := patterns[r.Name]
		if !ok {
			continue
		}
		delete(patterns, r.Name)
		if string(r.Pattern) != want || r.Bus != "opsflow" {
			t.Errorf("%s on %s: %s\nwant %s", r.Name, r.Bus, r.Pattern, want)
		}
		f, ok := s.Function(r.Targets[0].ARN)
		if !ok || f.Name != r.Name {
			t.Errorf("%s calls %s", r.Name, r.Targets[0].ARN)
		}
		if r.Targets[0].DeadLetter == "" || r.Targets[0].DeadLetter != f.OnFailure {
			t.Errorf("%s: dead letters of the rule go to %q, of the function to %q", r.Name, r.Targets[0].DeadLetter, f.OnFailure)
		}
		if queues[f.OnFailure] {
			t.Errorf("%s shares its queue %s", r.Name, f.OnFailure)
		}
		queues[f.OnFailure] = true
	}
	if len(patterns) > 0 {
		t.Errorf("rules without a place in the template: %v", patterns)
	}
}

func TestFailedExecutionsAndTheMinuteReachTheirFunctions(t *testing.T) {
	t.Parallel()
	s := load(t, map[string]string{"Prefix": "shop"})
	found := 0
	for _, r := range s.Rules {
		switch r.Name {
		case "shop-record-outcome":
			want := `{"detail":{"stateMachineArn":[{"prefix":"arn:aws:states:us-east-1:000000000000:stateMachine:shop-"}],` +
				`"status":["FAILED","TIMED_OUT","ABORTED"]},"detail-type":["Step Functions Execution Status Change"],"source":["aws.states"]}`
			if r.Bus != "default" || string(r.Pattern) != want {
				t.Errorf("record-outcome on %s: %s", r.Bus, r.Pattern)
			}
			found++
		case "shop-sweep-due":
			if r.Schedule != "rate(1 minute)" || r.Pattern != nil {
				t.Errorf("sweep-due: %q %s", r.Schedule, r.Pattern)
			}
			found++
		}
	}
	if found != 2 {
		t.Errorf("found %d of the two rules", found)
	}
}

func TestFunctionsKnowWhatTheyNeedByName(t *testing.T) {
	t.Parallel()
	s := load(t, map[string]string{"OidcIssuer": "http://127.0.0.1:3000", "OidcClientIds": "a,b"})
	api, ok := s.Function("opsflow-api")
	if !ok || api.Dir != "api" || api.Timeout != 29*time.Second {
		t.Fatalf("api: %+v", api)
	}
	for name, want := range map[string]string{
		"TABLE_NAME": "opsflow", "BUS_NAME": "opsflow", "OIDC_ISSUER": "http://127.0.0.1:3000", "OIDC_CLIENT_IDS": "a,b",
		"STATE_MACHINE_PREFIX": "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-",
		"RUN_STEPS_ARN":        "arn:aws:lambda:us-east-1:000000000000:function:opsflow-run-steps",
	} {
		if api.Env[name] != want {
			t.Errorf("%s is %q, want %q", name, api.Env[name], want)
		}
	}
	for _, name := range []string{"RUN_STEPS_ARN", "OPEN_TASK_ARN", "RECORD_OUTCOME_ARN"} {
		if _, ok := s.Function(api.Env[name]); !ok {
			t.Errorf("%s names no function: %s", name, api.Env[name])
		}
	}
}

func TestAuthorizerStandsBeforeV1Only(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, r := range load(t, nil).Routes {
		got[r.Method+" "+r.Path] = r.Authorizer
	}
	want := map[string]string{"ANY /v1/{proxy+}": "Oidc", "ANY /v1/timeline/{token}": "", "$default $default": ""}
	if len(got) != len(want) {
		t.Errorf("routes: %v", got)
	}
	for route, authorizer := range want {
		if a, ok := got[route]; !ok || a != authorizer {
			t.Errorf("%s has authorizer %q, want %q", route, a, authorizer)
		}
	}
}

// The Makefile says which folder `sam build` builds a function from, the template says it to the local runtime.
func TestMakefileBuildsEachFunctionFromItsFolder(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^((?:build-[A-Z]\w+ ?)+): FUNCTION = (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		for target := range strings.FieldsSeq(m[1]) {
			folders[strings.TrimPrefix(target, "build-")] = m[2]
		}
	}
	functions := load(t, nil).Functions
	for _, f := range functions {
		if folders[f.LogicalID] != f.Dir {
			t.Errorf("%s is built from %q, and the template says %q", f.LogicalID, folders[f.LogicalID], f.Dir)
		}
	}
	if len(folders) != len(functions) {
		t.Errorf("the Makefile builds %d functions, the template has %d", len(folders), len(functions))
	}
}

func TestStateMachinesHaveTheirSubstitutionsMade(t *testing.T) {
	t.Parallel()
	path := write(t, `
Parameters: {Prefix: {Type: String, Default: opsflow}}
Resources:
  Run:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/run-steps}
    Properties: {FunctionName: !Sub "${Prefix}-run-steps"}
  Flow:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Join ["-", [!Ref Prefix, flow, v1]]
      DefinitionUri: flow.asl.json
      DefinitionSubstitutions: {RunArn: !GetAtt Run.Arn}
`)
	definition := filepath.Join(filepath.Dir(path), "flow.asl.json")
	if err := os.WriteFile(definition, []byte(`{"Resource":"${RunArn}"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := stack.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := s.StateMachines[0]
	if m.ARN != "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-flow-v1" ||
		string(m.Definition) != `{"Resource":"arn:aws:lambda:us-east-1:000000000000:function:opsflow-run-steps"}` {
		t.Errorf("got %s %s", m.ARN, m.Definition)
	}
	if err := os.WriteFile(definition, []byte(`{"Resource":"${OtherArn}"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = stack.Load(path, nil); err == nil || !strings.Contains(err.Error(), "template.yaml:12: flow.asl.json uses ${OtherArn}") {
		t.Errorf("an unknown substitution: %v", err)
	}
}

func TestBadTemplateGivesOneLineThatSaysWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, template, want string }{
		{"syntax", "Resources:\n  A: [1\n", "template.yaml:"},
		{"no resources", "Parameters: {}\n", "template.yaml:1: the template has no Resources"},
		{"no type", "Resources:\n  A:\n    Properties: {}\n", "template.yaml:3: resource A has no Type"},
		{
			"unknown reference", "Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Ref Nothing\n",
			"template.yaml:5: there is no parameter or resource Nothing",
		},
		{
			"unknown function", "Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Cidr [a]\n",
			"template.yaml:5: intrinsic function Cidr is not supported",
		},
		{
			"its own name", "Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !GetAtt A.Arn\n",
			"the name of A depends on itself",
		},
		{
			"no value", "Parameters:\n  P:\n    Type: String\nResources:\n  A:\n    Type: AWS::SQS::Queue\n",
			"template.yaml:3: parameter P has no value and no default",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := stack.Load(write(t, c.template), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, c.want)
			}
		})
	}
	if _, err := stack.Load(filepath.Join(t.TempDir(), "template.yaml"), nil); err == nil {
		t.Error("a missing template gave no error")
	}
}

func TestConditionsChooseTheirBranchOnly(t *testing.T) {
	t.Parallel()
	path := write(t, `
Parameters: {Name: {Type: String, Default: ""}}
Conditions: {Named: !Not [!Equals [!Ref Name, ""]]}
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !If [Named, !Ref Name, plain]}
  Only:
    Type: AWS::SQS::Queue
    Condition: Named
  Topic:
    Type: AWS::SNS::Topic
`)
	for name, want := range map[string]string{"": "plain", "mine": "mine"} {
		s, err := stack.Load(path, map[string]string{"Name": name})
		if err != nil {
			t.Fatal(err)
		}
		if s.Queues[0].Name != want || len(s.Queues) != map[string]int{"": 1, "mine": 2}[name] {
			t.Errorf("with %q: %+v", name, s.Queues)
		}
		if len(s.Others) != 1 || s.Others[0].Type != "AWS::SNS::Topic" {
			t.Errorf("others: %+v", s.Others)
		}
	}
	if _, err := stack.Load(path, map[string]string{"Nane": "x"}); err == nil || !strings.Contains(err.Error(), "no parameter Nane") {
		t.Errorf("an unknown parameter: %v", err)
	}
}

func TestTablesHaveWhatTheAPIWantsOfThem(t *testing.T) {
	t.Parallel()
	s, err := stack.Load(write(t, `
Parameters:
  Protect: {Type: String, Default: "true"}
  Units: {Type: Number, Default: 5}
Resources:
  Plain: {Type: AWS::Serverless::SimpleTable}
  Numbered:
    Type: AWS::Serverless::SimpleTable
    Properties: {TableName: numbered, PrimaryKey: {Name: n, Type: Number}, ProvisionedThroughput: {ReadCapacityUnits: !Ref Units, WriteCapacityUnits: 2}}
  Whole:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: whole
      DeletionProtectionEnabled: !Ref Protect
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"TableName":"` + s.Tables[0].Name + `"}`,
		`{"AttributeDefinitions":[{"AttributeName":"n","AttributeType":"N"}],"BillingMode":"PROVISIONED","KeySchema":[{"AttributeName":"n","KeyType":"HASH"}],"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":2},"TableName":"numbered"}`,
		`{"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"DeletionProtectionEnabled":true,"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"TableName":"whole"}`,
	} {
		if got := string(s.Tables[i].Properties); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}
