package dynamodb_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/local/dynamodb"
	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
)

// rig is a service on a data folder, which can be opened again.
type rig struct {
	*testing.T
	*sdk.Client

	dir     string
	now     time.Time
	service *dynamodb.Service
	own     *embedded.Table
	changed atomic.Pointer[table.Item] // in the own table, the last one
	close   func()
}

var ownIndexes = []table.Index{{Name: "list", Project: []string{"title"}}, {Name: "wake"}}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	r.open()
	t.Cleanup(func() { r.close() })
	return r
}

func (r *rig) open() {
	r.Helper()
	db, err := embedded.Open(r.dir, embedded.Options{})
	if err != nil {
		r.Fatal(err)
	}
	now := func() time.Time { return r.now }
	if r.own, err = embedded.NewTable(db, "main", ownIndexes, now); err != nil {
		r.Fatal(err)
	}
	r.service, err = dynamodb.New(r.Context(), dynamodb.Options{
		DB: db, Now: now, Account: "000000000000", Region: "us-east-1",
		Own: dynamodb.Own{Name: tableName, Table: r.own, Indexes: ownIndexes, Changed: func(i table.Item) { r.changed.Store(&i) }},
	})
	if err != nil {
		r.Fatal(err)
	}
	server := httptest.NewServer(r.service)
	r.close = func() { server.Close(); _ = db.Close() }
	r.Client = sdk.New(sdk.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

func (r *rig) reopen() {
	r.Helper()
	r.close()
	r.open()
}

// makeTable makes a table of a partition key alone, with an index of everything by another attribute.
func (r *rig) makeTable(name string) {
	r.Helper()
	_, err := r.CreateTable(r.Context(), &sdk.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("kind"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("kinds"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("kind"), KeyType: types.KeyTypeHash}},
		}},
	})
	if err != nil {
		r.Fatal(err)
	}
	err = sdk.NewTableExistsWaiter(r.Client).Wait(r.Context(), &sdk.DescribeTableInput{TableName: &name}, time.Minute)
	if err != nil {
		r.Fatal(err)
	}
}

type item = map[string]types.AttributeValue

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func (r *rig) put(name string, i item) {
	r.Helper()
	if _, err := r.PutItem(r.Context(), &sdk.PutItemInput{TableName: &name, Item: i}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) scan(name string) []item {
	r.Helper()
	out, err := r.Scan(r.Context(), &sdk.ScanInput{TableName: &name})
	if err != nil {
		r.Fatal(err)
	}
	return out.Items
}

func (r *rig) byKind(name, kind string) int {
	r.Helper()
	out, err := r.Query(r.Context(), &sdk.QueryInput{
		TableName: &name, IndexName: aws.String("kinds"), KeyConditionExpression: aws.String("kind = :k"),
		ExpressionAttributeValues: item{":k": str(kind)},
	})
	if err != nil {
		r.Fatal(err)
	}
	return len(out.Items)
}

func TestTablesAndItemsOutliveARestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("orders")
	for i := range 30 {
		r.put("orders", item{"id": str(fmt.Sprint("o-", i)), "kind": str([]string{"a", "b", "c"}[i%3]), "n": num(int64(i))})
	}
	if _, err := r.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: aws.String("orders"), Key: item{"id": str("o-0")}}); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	if got := len(r.scan("orders")); got != 29 {
		t.Errorf("%d items after a restart, want 29", got)
	}
	if a, b := r.byKind("orders", "a"), r.byKind("orders", "b"); a != 9 || b != 10 {
		t.Errorf("the index has %d and %d, want 9 and 10", a, b)
	}
	if _, err := r.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: aws.String("orders")}); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	listed, err := r.ListTables(t.Context(), &sdk.ListTablesInput{})
	if err != nil || !slices.Equal(listed.TableNames, []string{tableName}) {
		t.Errorf("tables after the deletion: %v, %v", listed, err)
	}
}

func TestSegmentsOfAScanHaveEveryItemOnceAndPagesGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("orders")
	want := map[string]bool{}
	for i := range 40 {
		id := fmt.Sprint("o-", i)
		want[id] = true
		r.put("orders", item{"id": str(id), "kind": str("a")})
	}
	for _, index := range []*string{nil, aws.String("kinds")} {
		seen := map[string]int{}
		for segment := range int32(3) {
			in := &sdk.ScanInput{
				TableName: aws.String("orders"), IndexName: index, Segment: &segment, TotalSegments: aws.Int32(3), Limit: aws.Int32(4),
			}
			for pages := sdk.NewScanPaginator(r.Client, in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Items) > 4 {
					t.Errorf("a page of %d, want at most 4", len(page.Items))
				}
				for _, i := range page.Items {
					seen[i["id"].(*types.AttributeValueMemberS).Value]++
				}
			}
		}
		if len(seen) != len(want) {
			t.Errorf("%d items in the segments, want %d", len(seen), len(want))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times", id, n)
			}
		}
	}
}

func TestPageEndsAtAMegabyte(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("big")
	for i := range 5 {
		r.put("big", item{"id": str(strconv.Itoa(i)), "text": str(strings.Repeat("x", 300<<10))})
	}
	out, err := r.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("big")})
	if err != nil || len(out.Items) != 4 || out.LastEvaluatedKey == nil {
		t.Fatalf("%d items, last %v, %v; want 4 and a place to go on", len(out.Items), out.LastEvaluatedKey, err)
	}
	out, err = r.Scan(t.Context(), &sdk.ScanInput{TableName: aws.String("big"), ExclusiveStartKey: out.LastEvaluatedKey})
	if err != nil || len(out.Items) != 1 || out.LastEvaluatedKey != nil {
		t.Fatalf("%d items, last %v, %v; want the last one", len(out.Items), out.LastEvaluatedKey, err)
	}
}

func TestItemIsGoneWhenItsTimeToLiveIsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("sessions")
	live := func(on bool) {
		t.Helper()
		_, err := r.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{
			TableName:               aws.String("sessions"),
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("ends"), Enabled: aws.Bool(on)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	live(true)
	r.put("sessions", item{"id": str("a"), "kind": str("x"), "ends": num(r.now.Add(time.Hour).Unix())})
	r.put("sessions", item{"id": str("b"), "kind": str("x"), "ends": str("never, for it is no number")})
	if got := len(r.scan("sessions")); got != 2 {
		t.Fatalf("%d items before, want 2", got)
	}
	r.now = r.now.Add(time.Hour)
	if got := len(r.scan("sessions")); got != 1 {
		t.Errorf("%d items after, want 1", got)
	}
	if got := r.byKind("sessions", "x"); got != 1 {
		t.Errorf("%d items in the index after, want 1", got)
	}
	_, err := r.PutItem(t.Context(), &sdk.PutItemInput{
		TableName: aws.String("sessions"), Item: item{"id": str("c")}, ConditionExpression: aws.String("attribute_not_exists(id)"),
	})
	if err != nil {
		t.Errorf("a new item: %v", err)
	}
	live(false)
	if got := len(r.scan("sessions")); got != 2 {
		t.Errorf("%d items without a time to live, want 2: what is over does not come back", got)
	}
}

func TestIndexMadeLaterHasTheItemsOfBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("orders")
	for i := range 3 {
		r.put("orders", item{"id": str(strconv.Itoa(i)), "kind": str("a"), "day": num(int64(i))})
	}
	_, err := r.UpdateTable(t.Context(), &sdk.UpdateTableInput{
		TableName:            aws.String("orders"),
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("day"), AttributeType: types.ScalarAttributeTypeN}},
		GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
			IndexName: aws.String("days"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("kind"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("day"), KeyType: types.KeyTypeRange},
			},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Query(t.Context(), &sdk.QueryInput{
		TableName: aws.String("orders"), IndexName: aws.String("days"), KeyConditionExpression: aws.String("kind = :k AND #d > :d"),
		ExpressionAttributeNames: map[string]string{"#d": "day"}, ExpressionAttributeValues: item{":k": str("a"), ":d": num(0)},
		ScanIndexForward: aws.Bool(false),
	})
	if err != nil || len(out.Items) != 2 || out.Items[0]["id"].(*types.AttributeValueMemberS).Value != "2" {
		t.Fatalf("got %v, %v; want the items 2 and 1", out, err)
	}
}

func TestTransactionUnderOneTokenHappensOnceAlsoOverARestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("orders")
	add := func(n int64) error {
		_, err := r.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{
			ClientRequestToken: aws.String("once"),
			TransactItems: []types.TransactWriteItem{{Update: &types.Update{
				TableName: aws.String("orders"), Key: item{"id": str("a")}, UpdateExpression: aws.String("ADD n :n"),
				ExpressionAttributeValues: item{":n": num(n)},
			}}},
		})
		return err
	}
	for range 2 {
		if err := add(1); err != nil {
			t.Fatal(err)
		}
	}
	r.reopen()
	if err := add(1); err != nil {
		t.Fatal(err)
	}
	var mismatch *types.IdempotentParameterMismatchException
	if err := add(2); !errors.As(err, &mismatch) {
		t.Errorf("another request under the token: %v", err)
	}
	if got := r.scan("orders")[0]["n"].(*types.AttributeValueMemberN).Value; got != "1" {
		t.Errorf("n is %s, want 1", got)
	}
	r.now = r.now.Add(10 * time.Minute)
	if err := add(1); err != nil {
		t.Fatal(err)
	}
	if got := r.scan("orders")[0]["n"].(*types.AttributeValueMemberN).Value; got != "2" {
		t.Errorf("n is %s after ten minutes, want 2", got)
	}
}

// TestWhatAWSAnswersOtherwiseThanDynamoDBLocal has what the comparison with DynamoDB Local can't show.
func TestWhatAWSAnswersOtherwiseThanDynamoDBLocal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("orders")
	r.put("orders", item{"id": str("a"), "m": &types.AttributeValueMemberM{Value: item{"x": num(1), "y": num(2)}}})
	out, err := r.UpdateItem(t.Context(), &sdk.UpdateItemInput{
		TableName: aws.String("orders"), Key: item{"id": str("a")}, UpdateExpression: aws.String("SET m.x = :v"),
		ExpressionAttributeValues: item{":v": num(7)}, ReturnValues: types.ReturnValueUpdatedNew,
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := out.Attributes["m"].(*types.AttributeValueMemberM).Value; len(m) != 1 {
		t.Errorf("UPDATED_NEW shows %v, want only what was updated", m)
	}
	_, err = r.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{TableName: aws.String("orders"), Key: item{"id": str("a")}, UpdateExpression: aws.String("SET q = nope")}},
		{Put: &types.Put{TableName: aws.String("orders"), Item: item{"no": str("key")}}},
		{Delete: &types.Delete{TableName: aws.String("orders"), Key: item{"id": str("b")}}},
	}})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		t.Fatalf("got %v", err)
	}
	var codes []string
	for _, reason := range cancelled.CancellationReasons {
		codes = append(codes, *reason.Code)
	}
	if !slices.Equal(codes, []string{"ValidationError", "ValidationError", "None"}) {
		t.Errorf("reasons: %v", codes)
	}
	for name, want := range map[string]string{"size = :v": "size", "convert = :v": "convert"} {
		_, err := r.Scan(t.Context(), &sdk.ScanInput{
			TableName: aws.String("orders"), FilterExpression: &name, ExpressionAttributeValues: item{":v": num(1)},
		})
		if err == nil || !strings.Contains(err.Error(), "Attribute name is a reserved keyword; reserved keyword: "+want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeclaredTableFollowsItsTemplate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const template = `{"TableName": "notes", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "%s", "KeyType": "HASH"}],
		"AttributeDefinitions": [{"AttributeName": "%[1]s", "AttributeType": "S"}, {"AttributeName": "kind", "AttributeType": "S"}],
		"GlobalSecondaryIndexes": [{"IndexName": "%s", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
		"TimeToLiveSpecification": {"AttributeName": "ends", "Enabled": true}, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}`
	declare := func(key, index string) error {
		return r.service.Declare(context.WithoutCancel(t.Context()), fmt.Appendf(nil, template, key, index))
	}
	for _, index := range []string{"first", "first", "kinds"} {
		if err := declare("id", index); err != nil {
			t.Fatal(err)
		}
		r.put("notes", item{"id": str(index), "kind": str("a")})
	}
	if got := r.byKind("notes", "a"); got != 2 {
		t.Errorf("%d items in the new index, want 2", got)
	}
	ttl, err := r.DescribeTimeToLive(t.Context(), &sdk.DescribeTimeToLiveInput{TableName: aws.String("notes")})
	if err != nil || *ttl.TimeToLiveDescription.AttributeName != "ends" {
		t.Errorf("time to live: %v, %v", ttl, err)
	}
	if err := declare("other", "kinds"); err == nil || !strings.Contains(err.Error(), "delete it first") {
		t.Errorf("another key: %v", err)
	}
}
