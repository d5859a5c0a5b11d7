package dynamodb_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"opsflow/shared/local/dynamodb"
	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/table/embedded"
	"opsflow/shared/table/tabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tableName = "opsflow"

// setup serves an embedded table and gives a client of it, whose transport may be wrapped.
func setup(
	t *testing.T, indexes []table.Index, now func() time.Time, wrap func(http.RoundTripper) http.RoundTripper,
) *sdk.Client {
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
	server := httptest.NewServer(dynamodb.New(tbl, tableName, indexes, now))
	t.Cleanup(server.Close)
	transport := server.Client().Transport
	if wrap != nil {
		transport = wrap(transport)
	}
	return sdk.New(sdk.Options{
		BaseEndpoint: &server.URL,
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

func now() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) }

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func TestDeveloperReadsByKey(t *testing.T) {
	t.Parallel()
	indexes := []table.Index{{Name: "list", Project: []string{"title"}}}
	client := setup(t, indexes, now, nil)
	tbl := dynamo.New(client, tableName, indexes, now)
	var w table.Write
	w.ID = "w"
	for i := range 3 {
		w.Puts = append(w.Puts, table.Put{Item: table.Item{
			Key: table.Key{PK: "a", SK: fmt.Sprint("s", i)}, Data: []byte(`{"title":"x","n":[1,{"deep":null}]}`),
			Index: map[string]table.Key{"list": {PK: "l", SK: strconv.Itoa(i)}},
		}})
	}
	if err := tbl.Write(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		in   sdk.QueryInput
		want int
	}{
		{sdk.QueryInput{KeyConditionExpression: aws.String("pk = :pk")}, 3},
		{sdk.QueryInput{KeyConditionExpression: aws.String("pk=:pk and begins_with(sk,:s)")}, 3},
		{sdk.QueryInput{KeyConditionExpression: aws.String("pk = :pk AND sk = :s1")}, 1},
		{sdk.QueryInput{KeyConditionExpression: aws.String("pk = :pk AND sk >= :s1"), ScanIndexForward: aws.Bool(false)}, 2},
		{sdk.QueryInput{KeyConditionExpression: aws.String("list_pk = :l"), IndexName: aws.String("list")}, 3},
	} {
		tc.in.TableName = aws.String(tableName)
		tc.in.ExpressionAttributeValues = map[string]types.AttributeValue{
			":pk": str("a"), ":s": str("s"), ":s1": str("s1"), ":l": str("l"),
		}
		out, err := client.Query(t.Context(), &tc.in)
		if err != nil || len(out.Items) != tc.want {
			t.Errorf("%s: %v, %v; want %d items", *tc.in.KeyConditionExpression, out, err, tc.want)
		}
	}
	described, err := client.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String(tableName)})
	if err != nil || described.Table.TableStatus != types.TableStatusActive || len(described.Table.GlobalSecondaryIndexes) != 1 {
		t.Errorf("describe: %+v, %v", described, err)
	}
	listed, err := client.ListTables(t.Context(), &sdk.ListTablesInput{})
	if err != nil || len(listed.TableNames) != 1 {
		t.Errorf("list: %+v, %v", listed, err)
	}
}

func TestWhatTheEndpointDoesNotDoIsRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	client := setup(t, nil, now, nil)
	name := aws.String(tableName)
	key := map[string]types.AttributeValue{"pk": str("a"), "sk": str("b")}
	for what, call := range map[string]func() error{
		"scan": func() error {
			_, err := client.Scan(t.Context(), &sdk.ScanInput{TableName: name})
			return err
		},
		"unconditional put": func() error {
			item := map[string]types.AttributeValue{
				"pk": str("a"), "sk": str("b"), "write_id": str("w"), "v": &types.AttributeValueMemberN{Value: "1"},
			}
			_, err := client.PutItem(t.Context(), &sdk.PutItemInput{TableName: name, Item: item})
			return err
		},
		"unconditional delete": func() error {
			_, err := client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: name, Key: key})
			return err
		},
		"free update": func() error {
			_, err := client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
				TableName: name, Key: key, UpdateExpression: aws.String("REMOVE a"),
			})
			return err
		},
		"filter": func() error {
			_, err := client.Query(t.Context(), &sdk.QueryInput{
				TableName: name, KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("a = :p"),
				ExpressionAttributeValues: map[string]types.AttributeValue{":p": str("a")},
			})
			return err
		},
	} {
		var api smithy.APIError
		err := call()
		if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" || !strings.Contains(err.Error(), "--table") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := client.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("other"), Key: key})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("another table: %v", err)
	}
}
