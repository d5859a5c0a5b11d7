package local_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

type logLine struct{ Function, Stream, Message string }

// logs gives what functions said, and where the next begins.
func (s *system) logs(query string) (lines []logLine, next string) {
	s.t.Helper()
	var page struct {
		Items []logLine `json:"items"`
		Next  string    `json:"next"`
	}
	s.get("/dev/logs?"+query, &page)
	return page.Items, page.Next
}

func TestFunctionsHaveLogsInProcess(t *testing.T) {
	t.Parallel()
	o := options()
	o.Data = t.TempDir()
	var echo bytes.Buffer
	o.Echo = &echo
	rt := start(t, o)
	s := newSystem(t, rt)
	s.get("/v1/workflows", &struct{}{})

	lines, next := s.logs("function=api")
	if len(lines) < 3 || lines[0].Function != "opsflow-api" || !strings.HasPrefix(lines[0].Message, "START RequestId: ") {
		t.Fatalf("the log of the API: %+v", lines)
	}
	s.get("/v1/tasks", &struct{}{})
	if more, _ := s.logs("function=api&wait=20s&limit=1&after=" + next); len(more) != 1 || !strings.HasPrefix(more[0].Message, "REPORT RequestId: ") {
		t.Errorf("what was said after that: %+v", more)
	}
	if res := s.request(http.MethodGet, "/dev/logs?function=nobody", "", nil); res.status != http.StatusNotFound {
		t.Errorf("of an unknown function: %d", res.status)
	}
	for _, bad := range []string{"limit=0", "since=yesterday", "wait=1h", "after=x"} {
		if res := s.request(http.MethodGet, "/dev/logs?"+bad, "", nil); res.status != http.StatusUnprocessableEntity && res.status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, res.status)
		}
	}
	for _, group := range []string{"/opsflow/opsflow", "/aws/lambda/opsflow-api"} {
		var got struct {
			Events []struct{ LogStreamName, Message string }
		}
		s.logsAPI("FilterLogEvents", map[string]any{"logGroupName": group, "filterPattern": `"END RequestId"`}, &got)
		if len(got.Events) < 2 || !regexp.MustCompile(`^\d{4}/\d\d/\d\d/opsflow-api\[\$LATEST\][0-9a-f]{32}$`).MatchString(got.Events[0].LogStreamName) {
			t.Errorf("%s: %+v", group, got)
		}
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(o.Data, "logs", "opsflow-api.log"))
	if err != nil || !bytes.Contains(text, []byte(" REPORT RequestId: ")) {
		t.Errorf("the file: %v\n%s", err, text)
	}
	if !strings.HasPrefix(echo.String(), "opsflow-api | START RequestId: ") {
		t.Errorf("the echo: %s", echo.String())
	}
}

// logsAPI asks CloudWatch Logs.
func (s *system) logsAPI(operation string, in, out any) {
	s.t.Helper()
	aws := *s
	aws.apiURL = s.awsURL
	res := aws.request(http.MethodPost, "/", "", in, "X-Amz-Target", "Logs_20140328."+operation)
	if err := json.Unmarshal(res.body, out); err != nil || res.status != http.StatusOK {
		s.t.Errorf("%s: %d %s", operation, res.status, res.body)
	}
}
