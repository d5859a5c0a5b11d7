package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	evtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

// refused lets a runtime refuse what the template does not grant.
func refused(o *local.Options) { o.Observe(func(local.Use) {}) }

// extended is a runtime of the template with more resources, on a virtual clock.
func extended(t *testing.T, resources string, change ...func(*local.Options)) *machines {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"functions", "statemachines"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	o := options()
	o.Template = filepath.Join(dir, "template.yaml")
	o.Clock, o.PrivateCalls = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), true
	whole := strings.Replace(string(text), "\nResources:\n", "\nResources:\n"+resources+"\n", 1)
	if err := os.WriteFile(o.Template, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(&o)
	}
	return newMachinesOn(t, o)
}

func TestTemplateMakesConnectionsAndAPIDestinations(t *testing.T) {
	t.Parallel()
	partner := newOutside(t)
	m := extended(t, `
  Partner:
    Type: AWS::Events::Connection
    Properties:
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: {Username: shop, Password: s3cret}
  Orders:
    Type: AWS::Events::ApiDestination
    Properties:
      ConnectionArn: !GetAtt Partner.Arn
      HttpMethod: POST
      InvocationEndpoint: `+partner.URL+`
  CallRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: 'sts:AssumeRole'}]}
      Policies:
        - PolicyName: call
          PolicyDocument:
            Statement: [{Effect: Allow, Action: 'events:InvokeApiDestination', Resource: !GetAtt Orders.Arn}]
  Sales:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [shop]}
      Targets:
        - Id: call
          Arn: !GetAtt Orders.Arn
          RoleArn: !GetAtt CallRole.Arn
          InputTransformer:
            InputPathsMap: {n: $.detail.n}
            InputTemplate: '{"sold": <n>}'
`)
	m.sell(`{"n": 3}`)
	if len(partner.bodies) != 1 || partner.bodies[0] != `{"sold": 3}` {
		t.Fatalf("asked %v", partner.bodies)
	}
	if user, password, _ := partner.asked[0].BasicAuth(); user != "shop" || password != "s3cret" {
		t.Errorf("asked as %s with %s", user, password)
	}
}

func TestRoleThatMayNotCallAnAPIDestinationShowsInTheDeadLetter(t *testing.T) {
	t.Parallel()
	m := extended(t, `
  CallRole:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: 'sts:AssumeRole'}]}, RoleName: powerless}
`, refused)
	partner := newOutside(t)
	lost := m.newQueue("lost", nil)
	arn := m.connect(apiKey(), postTo(partner))
	m.rule(evtypes.Target{
		Arn: arn, RoleArn: aws.String("arn:aws:iam::000000000000:role/powerless"), DeadLetterConfig: &evtypes.DeadLetterConfig{Arn: &lost},
	})
	m.sell(`{}`)
	got := m.messages("lost")
	if len(got) != 1 || *got[0].MessageAttributes["ERROR_CODE"].StringValue != "NO_PERMISSIONS" ||
		!strings.Contains(*got[0].MessageAttributes["ERROR_MESSAGE"].StringValue, "events:InvokeApiDestination") {
		t.Errorf("dead letters %+v", got)
	}
	if len(partner.asked) != 0 {
		t.Errorf("called %d times", len(partner.asked))
	}
}
