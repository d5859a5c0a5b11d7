package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"opsflow/shared/local"
)

// system is a running local runtime as its users see it: an AWS endpoint and an HTTP API.
type system struct {
	t      testing.TB
	awsURL string
	apiURL string
	token  string
	// settle returns when nothing is going on any more.
	settle func(context.Context) error
}

func newSystem(t testing.TB, rt *local.Runtime) *system {
	t.Helper()
	s := &system{t: t, awsURL: rt.AWSURL(), apiURL: rt.APIURL(), settle: rt.Clock().WaitIdle}
	s.token = s.tokenFor("ada", "admin")
	return s
}

func (s *system) tokenFor(user, groups string) string {
	s.t.Helper()
	res := s.request(http.MethodGet, "/dev/token?user="+user+"&groups="+groups, "", nil)
	if res.status != http.StatusOK {
		s.t.Fatalf("GET /dev/token: %d %s", res.status, res.body)
	}
	var out struct {
		AccessToken string `json:"access_token"`
	}
	res.decode(s.t, &out)
	return out.AccessToken
}

type response struct {
	status int
	header http.Header
	body   []byte
}

func (r response) decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("decode %s: %v", r.body, err)
	}
}

func (s *system) request(method, path, token string, body any, headers ...string) response {
	s.t.Helper()
	var in io.Reader
	if body != nil {
		text, ok := body.(string)
		if !ok {
			b, err := json.Marshal(body)
			if err != nil {
				s.t.Fatal(err)
			}
			text = string(b)
		}
		in = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.apiURL+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(res.Body); err != nil {
		s.t.Fatal(err)
	}
	return response{status: res.StatusCode, header: res.Header, body: buf.Bytes()}
}

func (s *system) get(path string, v any) {
	s.t.Helper()
	res := s.request(http.MethodGet, path, s.token, nil)
	if res.status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, res.status, res.body)
	}
	res.decode(s.t, v)
}

func (s *system) config() aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(s.awsURL),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// put puts one event on the bus and returns EventBridge's id of it once nothing is going on any more.
func (s *system) put(detailType string, detail any) string {
	s.t.Helper()
	text, err := json.Marshal(detail)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := eventbridge.NewFromConfig(s.config()).PutEvents(s.t.Context(), &eventbridge.PutEventsInput{
		Entries: []ebtypes.PutEventsRequestEntry{{
			EventBusName: aws.String("opsflow"), Source: aws.String("booking"),
			DetailType: aws.String(detailType), Detail: aws.String(string(text)),
		}},
	})
	if err != nil {
		s.t.Fatalf("PutEvents: %v", err)
	}
	if out.FailedEntryCount != 0 {
		s.t.Fatalf("PutEvents refused: %s %s", aws.ToString(out.Entries[0].ErrorCode), aws.ToString(out.Entries[0].ErrorMessage))
	}
	s.idle()
	return aws.ToString(out.Entries[0].EventId)
}

func (s *system) idle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	if err := s.settle(ctx); err != nil {
		s.t.Fatalf("the system does not come to rest: %v", err)
	}
}

type instance struct {
	ID         string `json:"id"`
	Template   string `json:"template"`
	Status     string `json:"status"`
	Progress   int    `json:"progress"`
	WaitingFor *struct {
		Kind string `json:"kind"`
		Ref  string `json:"ref"`
	} `json:"waiting_for"`
	Steps []struct {
		ID         string    `json:"id"`
		Status     string    `json:"status"`
		StartedAt  time.Time `json:"started_at"`
		FinishedAt time.Time `json:"finished_at"`
	} `json:"steps"`
}

func (s *system) workflows(query string) []instance {
	s.t.Helper()
	var page struct {
		Items []instance `json:"items"`
	}
	s.get("/v1/workflows?"+query, &page)
	return page.Items
}

// workflow finds the one instance of a template about a subject.
func (s *system) workflow(template, subject string) instance {
	s.t.Helper()
	var found []instance
	for _, i := range s.workflows("limit=100&subject=" + url.QueryEscape(subject)) {
		if i.Template == template {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%s has %d workflows of %s, want 1", subject, len(found), template)
	}
	var whole instance
	s.get("/v1/workflows/"+found[0].ID, &whole)
	return whole
}

type decision struct {
	Rule    string `json:"rule"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Leaf    *struct {
		Path string          `json:"path"`
		Op   string          `json:"op"`
		Want json.RawMessage `json:"want"`
		Got  json.RawMessage `json:"got"`
	} `json:"leaf"`
}

type event struct {
	ID        string     `json:"id"`
	Status    string     `json:"status"`
	Decisions []decision `json:"decisions"`
	Faults    []struct {
		Path     string `json:"path"`
		Expected string `json:"expected"`
	} `json:"faults"`
}

func (s *system) event(id string) event {
	s.t.Helper()
	var e event
	s.get("/v1/events/"+id, &e)
	return e
}

func (e event) outcomes(rule string) []string {
	var out []string
	for _, d := range e.Decisions {
		if d.Rule == rule {
			out = append(out, strings.TrimSuffix(d.Outcome+":"+d.Reason, ":"))
		}
	}
	return out
}

// executions counts the executions of all state machines whose input is about nothing in particular: everything that runs.
func (s *system) executions() int {
	s.t.Helper()
	client := sfn.NewFromConfig(s.config())
	count := 0
	machines := sfn.NewListStateMachinesPaginator(client, &sfn.ListStateMachinesInput{})
	for machines.HasMorePages() {
		page, err := machines.NextPage(s.t.Context())
		if err != nil {
			s.t.Fatalf("ListStateMachines: %v", err)
		}
		for _, m := range page.StateMachines {
			list := sfn.NewListExecutionsPaginator(client, &sfn.ListExecutionsInput{StateMachineArn: m.StateMachineArn})
			for list.HasMorePages() {
				p, err := list.NextPage(s.t.Context())
				if err != nil {
					s.t.Fatalf("ListExecutions: %v", err)
				}
				count += len(p.Executions)
			}
		}
	}
	return count
}

func booking(id string) map[string]any {
	return map[string]any{
		"booking_id": id, "customer_id": "cu-1", "service_type": "cleaning", "location": map[string]any{"area": "Dubai Marina"},
		"scheduled_for": "2030-01-01T09:00:00Z", "service_value": 120, "currency": "AED",
	}
}
