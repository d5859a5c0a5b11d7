package iam_test

import (
	"encoding/json"
	"strings"
	"testing"

	"opsflow/shared/local/iam"
)

func parse(t *testing.T, document string) []iam.Statement {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(document), &v); err != nil {
		t.Fatal(err)
	}
	out, err := iam.ParsePolicy(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const arn = "arn:aws:dynamodb:us-east-1:000000000000:table/opsflow"

func TestARequestIsAllowedOnlyByAStatementThatCoversIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, statement string
		request         iam.Request
		want            iam.Decision
	}{
		{
			"the very action and resource", `"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"` + arn + `"`,
			iam.Request{Action: "dynamodb:GetItem", Resource: arn},
			iam.Allowed,
		},
		{
			"another action", `"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"` + arn + `"`,
			iam.Request{Action: "dynamodb:PutItem", Resource: arn},
			iam.NotAllowed,
		},
		{
			"another resource", `"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"` + arn + `"`,
			iam.Request{Action: "dynamodb:GetItem", Resource: arn + "/index/list"},
			iam.NotAllowed,
		},
		{
			"a wildcard in the action, in another case", `"Effect":"Allow","Action":["sqs:X","DynamoDB:get*"],"Resource":"*"`,
			iam.Request{Action: "dynamodb:GetItem", Resource: arn},
			iam.Allowed,
		},
		{
			"a wildcard in the resource", `"Effect":"Allow","Action":"dynamodb:Query","Resource":"` + arn + `/index/*"`,
			iam.Request{Action: "dynamodb:Query", Resource: arn + "/index/list"},
			iam.Allowed,
		},
		{
			"resources have a case", `"Effect":"Allow","Action":"dynamodb:Query","Resource":"` + strings.ToUpper(arn) + `"`,
			iam.Request{Action: "dynamodb:Query", Resource: arn},
			iam.NotAllowed,
		},
		{
			"a question mark is one character", `"Effect":"Allow","Action":"dynamodb:Query","Resource":"` + arn + `?"`,
			iam.Request{Action: "dynamodb:Query", Resource: arn},
			iam.NotAllowed,
		},
		{
			"what is no topic", `"Effect":"Allow","Action":"sns:Publish","NotResource":"arn:aws:sns:*:*:*"`,
			iam.Request{Action: "sns:Publish", Resource: "+971500000000"},
			iam.Allowed,
		},
		{
			"what is a topic", `"Effect":"Allow","Action":"sns:Publish","NotResource":"arn:aws:sns:*:*:*"`,
			iam.Request{Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:000000000000:t"},
			iam.NotAllowed,
		},
		{
			"all but an action", `"Effect":"Allow","NotAction":"iam:*","Resource":"*"`,
			iam.Request{Action: "iam:PassRole", Resource: arn},
			iam.NotAllowed,
		},
		{
			"a condition that holds",
			`"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"states.amazonaws.com"}}`,
			iam.Request{Action: "iam:PassRole", Context: map[string][]string{"iam:passedtoservice": {"states.amazonaws.com"}}},
			iam.Allowed,
		},
		{
			"a condition that does not",
			`"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"states.amazonaws.com"}}`,
			iam.Request{Action: "iam:PassRole", Context: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}},
			iam.NotAllowed,
		},
		{
			"a condition on a key that the request has not",
			`"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"states.amazonaws.com"}}`,
			iam.Request{Action: "iam:PassRole"},
			iam.NotAllowed,
		},
		{
			"every leading key",
			`"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*","Condition":{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["task#*"]}}`,
			iam.Request{Action: "dynamodb:GetItem", Context: map[string][]string{"dynamodb:LeadingKeys": {"task#1", "rule#1"}}},
			iam.NotAllowed,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := iam.Decide(parse(t, `{"Statement":{`+c.statement+`}}`), c.request); got != c.want {
				t.Errorf("decision %d, want %d", got, c.want)
			}
		})
	}
}

func TestADenyBeatsEveryAllow(t *testing.T) {
	t.Parallel()
	role := iam.Role{ARN: "arn:aws:iam::000000000000:role/opsflow-ApiRole"}
	for _, s := range parse(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Action":"dynamodb:DeleteItem","Resource":"*"},
		{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}`) {
		role.Grants = append(role.Grants, iam.Grant{Policy: "inline", Statement: s})
	}
	if err := role.Check("opsflow-api", iam.Request{Action: "dynamodb:PutItem", Resource: arn}); err != nil {
		t.Error(err)
	}
	err := role.Check("opsflow-api", iam.Request{Action: "dynamodb:DeleteItem", Resource: arn})
	want := "AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/opsflow-ApiRole/opsflow-api is not authorized to perform: " +
		"dynamodb:DeleteItem on resource: " + arn + " with an explicit deny in an identity-based policy"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	err = role.Check("opsflow-api", iam.Request{Action: "sqs:SendMessage", Resource: arn})
	if err == nil || !strings.HasSuffix(err.Error(), "because no identity-based policy allows the sqs:SendMessage action") {
		t.Errorf("got %v", err)
	}
}

func TestABusPolicyKeepsASourceForItsOwners(t *testing.T) {
	t.Parallel()
	policy := parse(t, `{"Statement":{"Effect":"Deny","Principal":"*","Action":"events:PutEvents","Resource":"arn:aws:events:us-east-1:000000000000:event-bus/opsflow",
		"Condition":{"ForAnyValue:StringEquals":{"events:source":"opsflow"},"ArnNotEquals":{"aws:PrincipalArn":["arn:aws:iam::000000000000:role/ours"]}}}}`)
	for _, c := range []struct {
		source, principal string
		want              iam.Decision
	}{
		{"opsflow", "arn:aws:iam::000000000000:role/ours", iam.NotAllowed},
		{"opsflow", "arn:aws:iam::000000000000:user/somebody", iam.Denied},
		{"booking", "arn:aws:iam::000000000000:user/somebody", iam.NotAllowed},
	} {
		got := iam.DecideFor(policy, c.principal, iam.Request{
			Action: "events:PutEvents", Resource: "arn:aws:events:us-east-1:000000000000:event-bus/opsflow",
			Context: map[string][]string{"events:source": {c.source}, "aws:PrincipalArn": {c.principal}},
		})
		if got != c.want {
			t.Errorf("%s as %s: %d, want %d", c.principal, c.source, got, c.want)
		}
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"Statement":{"Effect":"Maybe","Action":"a:b","Resource":"*"}}`:                                            "Statement 1: Effect: must be Allow or Deny, got Maybe",
		`{"Statement":{"Effect":"Allow","Action":"PutItem","Resource":"*"}}`:                                        "Statement 1: Action: must be service:Action, got PutItem",
		`{"Statement":[{"Effect":"Allow","Action":"a:b"}]}`:                                                         "Statement 1: one of Resource and NotResource is needed",
		`{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*","Wildcard":1}]}`:                             "Statement 1: Wildcard: is not known",
		`{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"IpAddress":{"a:b":"c"}}}]}`:    "Statement 1: Condition: the operator IpAddress is not supported by the local runtime",
		`{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":{"CanonicalUser":"somebody"}}]}`: "Statement 1: Principal: the kind CanonicalUser is not supported by the local runtime",
		`{"Statements":[]}`: "a policy document has no Statements",
	} {
		var v any
		if err := json.Unmarshal([]byte(document), &v); err != nil {
			t.Fatal(err)
		}
		if _, err := iam.ParsePolicy(v); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", document, err, want)
		}
	}
}

func TestAPolicyTemplateOfSAMIsExpanded(t *testing.T) {
	t.Parallel()
	got, err := iam.ExpandTemplate("DynamoDBCrudPolicy", map[string]string{"TableName": "opsflow"}, "us-east-1", "000000000000")
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]iam.Decision{arn: iam.Allowed, arn + "/index/list": iam.Allowed, arn + "2": iam.NotAllowed} {
		if d := iam.Decide(got, iam.Request{Action: "dynamodb:ConditionCheckItem", Resource: resource}); d != want {
			t.Errorf("%s: %d, want %d", resource, d, want)
		}
	}
	for name, parameters := range map[string]map[string]string{
		"the local runtime does not know the policy template PollyFullAccessPolicy": nil,
		"the policy template SQSPollerPolicy needs QueueName":                       nil,
		"the policy template SQSPollerPolicy has no parameter Bucket":               {"QueueName": "q", "Bucket": "b"},
	} {
		template := "SQSPollerPolicy"
		if strings.Contains(name, "Polly") {
			template = "PollyFullAccessPolicy"
		}
		if _, err := iam.ExpandTemplate(template, parameters, "us-east-1", "000000000000"); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v, want %s", err, name)
		}
	}
}
