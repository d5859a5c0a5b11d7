package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
)

// script answers requests from a list of bodies, the last one for good; a body that is no error has status 200.
type script struct {
	bodies []string
	asked  int
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body := s.bodies[min(s.asked, len(s.bodies)-1)]
	s.asked++
	if body == "broken" {
		return nil, errors.New("the connection broke")
	}
	status := http.StatusOK
	if strings.Contains(body, "__type") {
		status = http.StatusBadRequest
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

func failure(code string) string {
	return `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"}`
}

const conflict = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"no",` +
	`"CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]}`

func TestBusyTableIsTriedEightTimesWithFullJitter(t *testing.T) {
	t.Parallel()
	put := func(sk string) table.Put { return table.Put{Item: table.Item{Key: table.Key{PK: "a", SK: sk}}} }
	one := table.Write{ID: "w", Puts: []table.Put{put("1")}}
	two := table.Write{ID: "w", Puts: []table.Put{put("1"), put("2")}}
	for name, tc := range map[string]struct {
		write  table.Write
		bodies []string
		asked  int
		busy   bool // ends as a ThrottleError
		fails  bool // ends as another error
	}{
		"throttled for good":         {one, []string{failure("ThrottlingException")}, 8, true, false},
		"over capacity for good":     {one, []string{failure("ProvisionedThroughputExceededException")}, 8, true, false},
		"conflict of a plain put":    {one, []string{failure("TransactionConflictException")}, 8, true, false},
		"conflict of transactions":   {two, []string{conflict}, 8, true, false},
		"transaction in progress":    {two, []string{failure("TransactionInProgressException")}, 8, true, false},
		"throttled at first":         {two, []string{failure("ThrottlingException"), conflict, "{}"}, 3, false, false},
		"connection broken at first": {one, []string{"broken", "{}"}, 2, false, false},
		"connection broken for good": {one, []string{"broken"}, 8, false, true},
		"refused":                    {one, []string{failure("ValidationException")}, 1, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{bodies: tc.bodies}
			var most []int64
			tbl := dynamo.New(newClient(t, s), "t", nil, time.Now,
				dynamo.WithRand(func(n int64) int64 { most = append(most, n); return n / 2 }),
				dynamo.WithSleep(func(_ context.Context, d time.Duration) error {
					if want := time.Duration(most[len(most)-1] / 2); d != want {
						t.Errorf("waited %v; want %v", d, want)
					}
					return nil
				}))
			err := tbl.Write(t.Context(), tc.write)
			var busy *table.ThrottleError
			if errors.As(err, &busy) != tc.busy || (err != nil) != (tc.busy || tc.fails) {
				t.Errorf("got %v", err)
			}
			if s.asked != tc.asked || len(most) != tc.asked-1 {
				t.Errorf("asked %d times with %d waits; want %d tries", s.asked, len(most), tc.asked)
			}
			for i := 1; i < len(most); i++ {
				if most[i] < most[i-1] || most[i] > int64(time.Second) {
					t.Errorf("the longest waits are %v", most)
				}
			}
		})
	}
}

func TestUnprocessedKeysAreAskedForAgain(t *testing.T) {
	t.Parallel()
	item := func(sk string) string { return `{"pk":{"S":"a"},"sk":{"S":"` + sk + `"},"v":{"N":"1"}}` }
	left := func(sk string) string { return `{"t":{"Keys":[{"pk":{"S":"a"},"sk":{"S":"` + sk + `"}}]}}` }
	s := &script{bodies: []string{
		`{"Responses":{"t":[` + item("1") + `]},"UnprocessedKeys":` + left("2") + `}`,
		`{"Responses":{},"UnprocessedKeys":` + left("2") + `}`,
		`{"Responses":{"t":[` + item("2") + `]},"UnprocessedKeys":{}}`,
	}}
	noWait := dynamo.WithSleep(func(context.Context, time.Duration) error { return nil })
	tbl := dynamo.New(newClient(t, s), "t", nil, time.Now, noWait)
	keys := []table.Key{{PK: "a", SK: "1"}, {PK: "a", SK: "2"}}
	if got, err := tbl.BatchGet(t.Context(), keys); err != nil || len(got) != 2 || s.asked != 3 {
		t.Errorf("got %v, %v after %d requests", got, err, s.asked)
	}
	s = &script{bodies: []string{`{"UnprocessedKeys":` + left("1") + `}`}}
	tbl = dynamo.New(newClient(t, s), "t", nil, time.Now, noWait)
	var busy *table.ThrottleError
	if _, err := tbl.BatchGet(t.Context(), keys[:1]); !errors.As(err, &busy) || s.asked != 8 {
		t.Errorf("got %v after %d requests; want a ThrottleError after 8", err, s.asked)
	}
}

var _ dynamo.Client = (*dynamodb.Client)(nil)
