package storetest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/table/dynamo/dynamolocal"
)

// endpoint is the one DynamoDB Local of this test binary.
var endpoint string

func TestMain(m *testing.M) {
	url, stop, err := dynamolocal.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	endpoint = url
	code := m.Run()
	stop()
	os.Exit(code)
}

func TestStoreOnDynamoDBLocal(t *testing.T) {
	t.Parallel()
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   http.DefaultClient,
	})
	var tables atomic.Int64
	storetest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		t.Helper()
		name := fmt.Sprint("store-", tables.Add(1))
		if err := dynamo.EnsureTable(t.Context(), client, name, store.Indexes()); err != nil {
			t.Fatal(err)
		}
		return dynamo.New(client, name, store.Indexes(), now) // gone with the process
	})
}
