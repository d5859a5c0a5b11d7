package dynamodb_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/local/dynamodb"
	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/table/embedded"
	"opsflow/shared/table/tabletest"
)

const tableName = "opsflow"

// serve serves an embedded table, beside which there can be others.
func serve(t testing.TB, indexes []table.Index, now func() time.Time) (*http.Client, string) {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tbl, err := embedded.NewTable(db, "main", indexes, now)
	if err != nil {
		t.Fatal(err)
	}
	service, err := dynamodb.New(t.Context(), dynamodb.Options{
		DB: db, Now: now, Account: "000000000000", Region: "us-east-1",
		Own: dynamodb.Own{Name: tableName, Table: tbl, Indexes: indexes},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	return server.Client(), server.URL
}

// setup gives a client of an embedded table, whose transport may be wrapped.
func setup(
	t testing.TB, indexes []table.Index, now func() time.Time, wrap func(http.RoundTripper) http.RoundTripper,
) *sdk.Client {
	t.Helper()
	client, url := serve(t, indexes, now)
	transport := client.Transport
	if wrap != nil {
		transport = wrap(transport)
	}
	return sdk.New(sdk.Options{
		BaseEndpoint: &url,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   &http.Client{Transport: transport},
	})
}

func TestDriverOverTheLocalEndpoint(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T, indexes []table.Index, now func() time.Time) table.Table {
		t.Helper()
		return dynamo.New(setup(t, indexes, now, nil), tableName, indexes, now)
	})
}

func TestLostAnswersOverTheLocalEndpoint(t *testing.T) {
	t.Parallel()
	tabletest.RunLostAnswer(t, func(t *testing.T, indexes []table.Index, now func() time.Time) (table.Table, func()) {
		t.Helper()
		l := &losing{}
		client := setup(t, indexes, now, func(next http.RoundTripper) http.RoundTripper {
			l.next = next
			return l
		})
		return dynamo.New(client, tableName, indexes, now), func() { l.lose.Store(true) }
	})
}

// losing lets a request through and loses its answer, once.
type losing struct {
	next http.RoundTripper
	lose atomic.Bool
}

func (l *losing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err != nil || !l.lose.CompareAndSwap(true, false) {
		return resp, err
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the request was to be applied, but: %s", body)
	}
	return nil, errors.New("the connection broke")
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
