package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/table/tabletest"
)

func newClient(t *testing.T, transport http.RoundTripper) *dynamodb.Client {
	t.Helper()
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   &http.Client{Transport: transport},
	})
}

var tables atomic.Int64

// newTable makes a table of its own in DynamoDB Local.
func newTable(t *testing.T, transport http.RoundTripper, indexes []table.Index, now func() time.Time) table.Table {
	t.Helper()
	client, name := newClient(t, transport), fmt.Sprint("table-", tables.Add(1))
	if err := dynamo.EnsureTable(t.Context(), client, name, indexes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
		if err != nil {
			t.Error(err)
		}
	})
	return dynamo.New(client, name, indexes, now)
}

func TestTableOnDynamoDBLocal(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T, indexes []table.Index, now func() time.Time) table.Table {
		t.Helper()
		return newTable(t, http.DefaultTransport, indexes, now)
	})
}

func TestLostAnswersOnDynamoDBLocal(t *testing.T) {
	t.Parallel()
	tabletest.RunLostAnswer(t, func(t *testing.T, indexes []table.Index, now func() time.Time) (table.Table, func()) {
		t.Helper()
		l := &losing{}
		tbl := newTable(t, l, indexes, now)
		return tbl, func() { l.lose.Store(true) }
	})
}

// losing lets a request through and loses its answer, once.
type losing struct{ lose atomic.Bool }

func (l *losing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
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

func TestEnsureTableMayBeRepeatedAndNoticesMissingIndexes(t *testing.T) {
	t.Parallel()
	client, name := newClient(t, http.DefaultTransport), fmt.Sprint("table-", tables.Add(1))
	indexes := []table.Index{{Name: "list"}}
	for range 2 {
		if err := dynamo.EnsureTable(t.Context(), client, name, indexes); err != nil {
			t.Fatal(err)
		}
	}
	err := dynamo.EnsureTable(t.Context(), client, name, append(indexes, table.Index{Name: "other"}))
	if err == nil || !strings.Contains(err.Error(), "without the index other") {
		t.Errorf("got %v", err)
	}
}
