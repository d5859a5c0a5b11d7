package logs_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/logs"
)

type event struct {
	LogStreamName, Message, EventID string
	Timestamp                       int64
}

type page struct {
	Type, Message                       string
	Events                              []event
	NextToken                           string
	NextForwardToken, NextBackwardToken string
	LogGroups                           []struct {
		LogGroupName, ARN string
		StoredBytes       int
	}
	LogStreams []struct {
		LogStreamName      string
		LastEventTimestamp int64
	}
}

func (b *bundle) ask(operation string, in map[string]any) (page, string) {
	b.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
	awsjson.Ask(r, awsjson.Logs, operation)
	w := httptest.NewRecorder()
	logs.Handler(b.Store, "us-east-1", "000000000000").ServeHTTP(w, r)
	var out page
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		b.t.Fatal(err)
	}
	var failed struct {
		Type string `json:"__type"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &failed); err != nil || (failed.Type == "") != (w.Code == http.StatusOK) {
		b.t.Errorf("%s: status %d, %s", operation, w.Code, w.Body)
	}
	return out, failed.Type
}

func messages(p page) string {
	var out []string
	for _, e := range p.Events {
		out = append(out, e.Message)
	}
	return strings.Join(out, ",")
}

func TestEventsOfAGroupAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	b := setup(t, logs.Options{})
	one, two := b.Of("one", "/shared").Stream(), b.Of("two", "/shared").Stream()
	b.Of("three", "").Stream().Print("elsewhere")
	one.Print("START a")
	two.Print("START b")
	one.Print("failed: c")
	two.Print("END d")
	for name, c := range map[string]struct {
		in   map[string]any
		want string
	}{
		"all":             {map[string]any{}, "START a,START b,failed: c,END d"},
		"a term":          {map[string]any{"filterPattern": "START"}, "START a,START b"},
		"two terms":       {map[string]any{"filterPattern": `START "b"`}, "START b"},
		"one of":          {map[string]any{"filterPattern": "?failed ?END"}, "failed: c,END d"},
		"not":             {map[string]any{"filterPattern": "-START"}, "failed: c,END d"},
		"a stream":        {map[string]any{"logStreamNames": []string{one.Name()}}, "START a,failed: c"},
		"a time":          {map[string]any{"startTime": noon.UnixMilli() + 9000, "endTime": noon.UnixMilli() + 11000}, "START b,failed: c"},
		"a function's":    {map[string]any{"logGroupName": "/aws/lambda/one"}, "START a,failed: c"},
		"by an ARN":       {map[string]any{"logGroupName": nil, "logGroupIdentifier": "arn:aws:logs:us-east-1:000000000000:log-group:/shared:*"}, "START a,START b,failed: c,END d"},
		"another group's": {map[string]any{"logGroupName": "/aws/lambda/three"}, "elsewhere"},
	} {
		in := map[string]any{"logGroupName": "/shared"}
		for k, v := range c.in {
			in[k] = v
		}
		if got, failed := b.ask("FilterLogEvents", in); messages(got) != c.want || failed != "" {
			t.Errorf("%s: %s %s, want %s", name, messages(got), failed, c.want)
		}
	}
	var all []string
	ids := map[string]bool{}
	for token := any(nil); ; {
		got, _ := b.ask("FilterLogEvents", map[string]any{"logGroupName": "/shared", "limit": 3, "nextToken": token})
		all = append(all, messages(got))
		for _, e := range got.Events {
			ids[e.EventID] = true
		}
		if token = got.NextToken; token == "" {
			break
		}
	}
	if got := strings.Join(all, "|"); got != "START a,START b,failed: c|END d" || len(ids) != 4 {
		t.Errorf("pages %s with %d ids", got, len(ids))
	}
	for name, in := range map[string]map[string]any{
		"InvalidParameterException": {"logGroupName": "/shared", "filterPattern": "{ $.level = 1 }"},
		"ResourceNotFoundException": {"logGroupName": "/none"},
	} {
		if _, failed := b.ask("FilterLogEvents", in); failed != name {
			t.Errorf("%v: %s, want %s", in, failed, name)
		}
	}
}

func TestEventsOfAStreamAreReadInBothDirections(t *testing.T) {
	t.Parallel()
	b := setup(t, logs.Options{})
	st := b.Of("one", "").Stream()
	for _, m := range []string{"a", "b", "c", "d"} {
		st.Print(m)
	}
	in := map[string]any{"logGroupName": "/aws/lambda/one", "logStreamName": st.Name(), "limit": 2}
	end, _ := b.ask("GetLogEvents", in)
	if messages(end) != "c,d" {
		t.Errorf("the end: %s", messages(end))
	}
	in["nextToken"] = end.NextBackwardToken
	if got, _ := b.ask("GetLogEvents", in); messages(got) != "a,b" {
		t.Errorf("before that: %s", messages(got))
	}
	in["nextToken"] = end.NextForwardToken
	nothing, _ := b.ask("GetLogEvents", in)
	if messages(nothing) != "" || nothing.NextForwardToken != end.NextForwardToken {
		t.Errorf("after that: %s, token %s", messages(nothing), nothing.NextForwardToken)
	}
	st.Print("e")
	if got, _ := b.ask("GetLogEvents", in); messages(got) != "e" {
		t.Errorf("what came: %s", messages(got))
	}
	delete(in, "nextToken")
	in["startFromHead"] = true
	if got, _ := b.ask("GetLogEvents", in); messages(got) != "a,b" {
		t.Errorf("the beginning: %s", messages(got))
	}
	in["logStreamName"] = "none"
	if _, failed := b.ask("GetLogEvents", in); failed != "ResourceNotFoundException" {
		t.Errorf("another stream: %s", failed)
	}
}

func TestGroupsAndStreamsAreDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t, logs.Options{})
	first, second := b.Of("one", "").Stream(), b.Of("one", "").Stream()
	second.Print("a")
	first.Print("b")
	b.Of("two", "/shared").Stream().Print("c")
	got, _ := b.ask("DescribeLogGroups", map[string]any{})
	if len(got.LogGroups) != 2 || got.LogGroups[0].LogGroupName != "/aws/lambda/one" || got.LogGroups[0].StoredBytes == 0 ||
		got.LogGroups[1].ARN != "arn:aws:logs:us-east-1:000000000000:log-group:/shared:*" {
		t.Errorf("groups: %+v", got.LogGroups)
	}
	if got, _ = b.ask("DescribeLogGroups", map[string]any{"logGroupNamePrefix": "/sh"}); len(got.LogGroups) != 1 {
		t.Errorf("with a prefix: %+v", got.LogGroups)
	}
	in := map[string]any{"logGroupName": "/aws/lambda/one", "orderBy": "LastEventTime", "descending": true, "limit": 1}
	got, _ = b.ask("DescribeLogStreams", in)
	if len(got.LogStreams) != 1 || got.LogStreams[0].LogStreamName != first.Name() || got.NextToken == "" {
		t.Errorf("the newest stream: %+v", got)
	}
	in["nextToken"] = got.NextToken
	if got, _ = b.ask("DescribeLogStreams", in); len(got.LogStreams) != 1 || got.LogStreams[0].LogStreamName != second.Name() || got.NextToken != "" {
		t.Errorf("the other: %+v", got)
	}
	if _, failed := b.ask("PutLogEvents", map[string]any{}); failed != "UnknownOperationException" {
		t.Errorf("an operation that is not there: %s", failed)
	}
}
