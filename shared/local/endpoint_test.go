package local_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"opsflow/shared/local"
)

func TestWhoAsksIsTold(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	for key, want := range map[string]string{
		"somebody":                     "<Arn>arn:aws:iam::000000000000:user/developer</Arn>",
		"opsflow-opsflow-score-vendor": "<Arn>arn:aws:sts::000000000000:assumed-role/opsflow-ScoreVendorRole/opsflow-score-vendor</Arn>",
	} {
		status, _, answer := s.signed(key, "sts", http.MethodPost, "/", "", "Action=GetCallerIdentity&Version=2011-06-15")
		if status != http.StatusOK || !strings.Contains(answer, want) || !strings.Contains(answer, "<Account>000000000000</Account>") {
			t.Errorf("%s: %d %s, want %s", key, status, answer, want)
		}
	}
	if status, _, answer := s.signed("somebody", "sts", http.MethodPost, "/", "", "Action=GetSessionToken"); status != http.StatusBadRequest || !strings.Contains(answer, "<Code>InvalidAction</Code>") {
		t.Errorf("an operation that is not here: %d %s", status, answer)
	}
}

func TestWhatIsPublishedLandsInTheOutbox(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	publish := func(form string) (int, string) {
		status, _, answer := s.signed("somebody", "sns", http.MethodPost, "/", "", "Action=Publish&"+form)
		return status, answer
	}
	const topic = "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Aalarms"
	for _, form := range []string{topic + "&Subject=Fire&Message=It+burns", "PhoneNumber=%2B971501234567&Message=It+burns"} {
		if status, answer := publish(form); status != http.StatusOK || !strings.Contains(answer, "<MessageId>") {
			t.Errorf("%s: %d %s", form, status, answer)
		}
	}
	for _, form := range []string{"Message=It+burns", "TopicArn=alarms&Message=It+burns"} {
		if status, answer := publish(form); status != http.StatusBadRequest || !strings.Contains(answer, "<Code>InvalidParameter</Code>") {
			t.Errorf("%s: %d %s", form, status, answer)
		}
	}
	var outbox struct{ Items []local.Message }
	s.ask(http.MethodGet, "/dev/outbox", "", nil, http.StatusOK, &outbox)
	if len(outbox.Items) != 2 || outbox.Items[0].Channel != "sms" || outbox.Items[1].To != "arn:aws:sns:us-east-1:000000000000:alarms" || outbox.Items[1].Title != "Fire" {
		t.Errorf("the outbox has %+v", outbox.Items)
	}
	s.ask(http.MethodPut, "/dev/outbox", "", object{"down": []string{"sms"}}, http.StatusNoContent, nil)
	if status, answer := publish("PhoneNumber=%2B971501234567&Message=x"); status != http.StatusServiceUnavailable || !strings.Contains(answer, "<Code>InternalError</Code>") {
		t.Errorf("while SMS is down: %d %s", status, answer)
	}
}

func TestFunctionsAreListedAndDescribed(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	client := awslambda.NewFromConfig(s.config())
	var names []string
	for p := awslambda.NewListFunctionsPaginator(client, &awslambda.ListFunctionsInput{MaxItems: aws.Int32(4)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Functions) > 4 {
			t.Errorf("a page of at most 4 has %d functions", len(page.Functions))
		}
		for _, f := range page.Functions {
			names = append(names, *f.FunctionName)
		}
	}
	if len(names) < 10 || !strings.Contains(strings.Join(names, " "), "opsflow-api") {
		t.Errorf("the functions are %v", names)
	}
	got, err := client.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: aws.String("opsflow-api")})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Configuration; *c.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:opsflow-api" || *c.Timeout == 0 || *c.MemorySize == 0 {
		shown, _ := json.Marshal(c) //nolint:errchkjson // for people
		t.Errorf("the function is described as %s", shown)
	}
	_, err = client.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("nobody")})
	if err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("an unknown function: %v", err)
	}
}
