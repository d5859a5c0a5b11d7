package action_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"opsflow/shared/local/action"
)

func TestRequestsToATableTellWhichPartitionsTheyTouch(t *testing.T) {
	t.Parallel()
	reader := action.Reader{HashKey: func(table string) string {
		if table == "notes" {
			return "pk"
		}
		return ""
	}}
	for body, want := range map[string]string{
		`GetItem {"TableName":"notes","Key":{"pk":{"S":"a"},"sk":{"S":"b"}}}`:                                                             "[a]",
		`GetItem {"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/notes","Key":{"pk":{"S":"a"}}}`:                              "[a]",
		`PutItem {"TableName":"notes","Item":{"pk":{"S":"a"}}}`:                                                                           "[a]",
		`BatchGetItem {"RequestItems":{"notes":{"Keys":[{"pk":{"S":"a"}},{"pk":{"N":"7"}}]}}}`:                                            "[a 7]",
		`BatchWriteItem {"RequestItems":{"notes":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"b"}}}}]}}`: "[a b]",
		`TransactWriteItems {"TransactItems":[{"Update":{"TableName":"notes","Key":{"pk":{"S":"a"}}}}]}`:                                  "[a]",
		`Query {"TableName":"notes","KeyConditionExpression":"sk = :s AND #p=:p","ExpressionAttributeNames":{"#p":"pk"},` +
			`"ExpressionAttributeValues":{":p":{"S":"a"},":s":{"S":"b"}}}`: "[a]",
		`Query {"TableName":"notes","IndexName":"by","KeyConditionExpression":"other = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`: "[a]",
		`Scan {"TableName":"notes"}`:                                "[]",
		`GetItem {"TableName":"unknown","Key":{"pk":{"S":"a"}}}`:    "[]",
		`BatchGetItem {"RequestItems":{"notes":{}}}`:                "[]",
		`GetItem {"TableName":"notes","Key":{"other":{"S":"a"}}}`:   "[]",
		`Query {"TableName":"notes","KeyConditionExpression":"pk"}`: "[]",
	} {
		operation, body, _ := strings.Cut(body, " ")
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
		asked, err := reader.Of(r, []byte(body))
		if err != nil || len(asked) != 1 {
			t.Fatalf("%s: %v, %v", body, asked, err)
		}
		if got := fmt.Sprint(asked[0].Context["dynamodb:LeadingKeys"]); got != want {
			t.Errorf("%s: partitions %s, want %s", body, got, want)
		}
	}
}

func TestGivingARoleToAServiceNeedsPassRole(t *testing.T) {
	t.Parallel()
	const role = "arn:aws:iam::000000000000:role/r"
	for _, c := range []struct{ method, path, service, target, body, to string }{
		{"POST", "/", "states", "AWSStepFunctions.CreateStateMachine", `{"name":"m","roleArn":"` + role + `"}`, "states.amazonaws.com"},
		{"POST", "/", "events", "AWSEvents.PutTargets", `{"Rule":"r","Targets":[{"Id":"1"},{"Id":"2","RoleArn":"` + role + `"}]}`, "events.amazonaws.com"},
		{"PUT", "/schedules/s", "scheduler", "", `{"Target":{"RoleArn":"` + role + `"}}`, "scheduler.amazonaws.com"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path+"?X-Amz-Credential=key/20261127/us-east-1/"+c.service+"/aws4_request", http.NoBody)
		r.Header.Set("X-Amz-Target", c.target)
		asked, err := action.Reader{}.Of(r, []byte(c.body))
		if err != nil || len(asked) != 2 {
			t.Fatalf("%s: %v, %v", c.target, asked, err)
		}
		if p := asked[1]; p.Action != "iam:PassRole" || p.Resource != role || fmt.Sprint(p.Context["iam:PassedToService"]) != "["+c.to+"]" {
			t.Errorf("%s%s: %+v", c.target, c.path, p)
		}
	}
}

func TestRequestsToS3NeedTheirActionOnTheObjectOrItsBucket(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]string{
		"GET /data/in/a":          "s3:GetObject arn:aws:s3:::data/in/a",
		"HEAD /data/in/a":         "s3:GetObject arn:aws:s3:::data/in/a",
		"PUT /data/in/a":          "s3:PutObject arn:aws:s3:::data/in/a",
		"DELETE /data/in/a":       "s3:DeleteObject arn:aws:s3:::data/in/a",
		"GET /data?list-type=2":   "s3:ListBucket arn:aws:s3:::data",
		"GET /data?location":      "s3:GetBucketLocation arn:aws:s3:::data",
		"POST /data?delete":       "s3:DeleteObject arn:aws:s3:::data/*",
		"PUT /data":               "s3:CreateBucket arn:aws:s3:::data",
		"DELETE /data":            "s3:DeleteBucket arn:aws:s3:::data",
		"GET /":                   "s3:ListAllMyBuckets *",
		"PUT /data/copy of other": "s3:PutObject arn:aws:s3:::data/copy, s3:GetObject arn:aws:s3:::other/x",
	} {
		method, rest, _ := strings.Cut(request, " ")
		target, _, copied := strings.Cut(rest, " of ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=opsflow-f/20261124/us-east-1/s3/aws4_request, SignedHeaders=host")
		if copied {
			r.Header.Set("X-Amz-Copy-Source", "/other/x")
		}
		asked, err := action.Reader{}.Of(r, nil)
		var got []string
		for _, a := range asked {
			got = append(got, a.Action+" "+a.Resource)
		}
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s: got %v, %v", request, got, err)
		}
	}
}
