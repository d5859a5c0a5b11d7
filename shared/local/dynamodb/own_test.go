package dynamodb_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"opsflow/shared/table"
)

// refused asks for a ValidationException that has some words.
func refused(t *testing.T, what string, err error, words string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" || !strings.Contains(api.ErrorMessage(), words) {
		t.Errorf("%s: %v; want a ValidationException with %q", what, err, words)
	}
}

// putRecord stores a record as opsflow does.
func (r *rig) putRecord(pk, sk, data string, wantV int64, at table.Key) {
	r.Helper()
	err := r.own.Write(r.Context(), table.Write{ID: "w-" + pk + sk, Puts: []table.Put{{WantV: wantV, Item: table.Item{
		Key: table.Key{PK: pk, SK: sk}, Data: json.RawMessage(data), Index: map[string]table.Key{"list": at},
	}}}})
	if err != nil {
		r.Fatal(err)
	}
}

func TestOwnTableIsReadByAnyRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 4 {
		r.putRecord("a", fmt.Sprint("s", i), fmt.Sprintf(`{"title":"t%d","n":%d.50,"deep":{"list":[1,null,true]}}`, i, i), 0, table.Key{PK: "l", SK: strconv.Itoa(i)})
	}
	name := aws.String(tableName)
	got, err := r.GetItem(t.Context(), &sdk.GetItemInput{
		TableName: name, Key: item{"pk": str("a"), "sk": str("s1")}, ProjectionExpression: aws.String("title, deep.#l[0], v, n, write_id"),
		ExpressionAttributeNames: map[string]string{"#l": "list"},
	})
	if err != nil || len(got.Item) != 5 || got.Item["n"].(*types.AttributeValueMemberN).Value != "1.5" {
		t.Errorf("got %v, %v", got, err)
	}
	queried, err := r.Query(t.Context(), &sdk.QueryInput{
		TableName: name, IndexName: aws.String("list"), KeyConditionExpression: aws.String("list_pk = :l AND list_sk < :s"), FilterExpression: aws.String("title <> :t"),
		ExpressionAttributeValues: item{":l": str("l"), ":s": str("3"), ":t": str("t0")}, Limit: aws.Int32(2), ScanIndexForward: aws.Bool(false),
	})
	if err != nil || queried.Count != 2 || queried.LastEvaluatedKey == nil {
		t.Errorf("query: %v, %v", queried, err)
	}
	seen := 0
	for segment := range int32(2) {
		scanned, err := r.Scan(t.Context(), &sdk.ScanInput{
			TableName: name, FilterExpression: aws.String("n > :n AND begins_with(sk, :s)"), ExpressionAttributeValues: item{":n": num(1), ":s": str("s")},
			Segment: &segment, TotalSegments: aws.Int32(2),
		})
		if err != nil {
			t.Fatal(err)
		}
		seen += len(scanned.Items)
	}
	if seen != 3 {
		t.Errorf("the scan found %d, want 3", seen)
	}
	described, err := r.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: name})
	if err != nil || *described.Table.ItemCount != 4 || len(described.Table.GlobalSecondaryIndexes) != 2 {
		t.Errorf("described: %+v, %v", described, err)
	}
}

func TestWritesToTheOwnTableMustLeaveRecordsWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.putRecord("a", "record", `{"title":"t","n":1}`, 0, table.Key{PK: "l", SK: "1"})
	name := aws.String(tableName)
	record := item{"pk": str("a"), "sk": str("record")}
	update := func(text string, values item) error {
		_, err := r.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: name, Key: record, UpdateExpression: &text, ExpressionAttributeValues: values})
		return err
	}
	if err := update("SET title = :t, n = n + :one ADD v :one REMOVE list_pk, list_sk", item{":t": str("new"), ":one": num(1)}); err != nil {
		t.Fatal(err)
	}
	stored, found, err := r.own.Get(t.Context(), table.Key{PK: "a", SK: "record"})
	if err != nil || !found || stored.V != 2 || len(stored.Index) != 0 || !strings.Contains(string(stored.Data), `"new"`) {
		t.Errorf("stored: %+v %s, %v", stored, stored.Data, err)
	}
	refused(t, "the version stays", update("SET title = :t", item{":t": str("x")}), "every write must raise it")
	refused(t, "the version goes", update("REMOVE v", nil), "every write must raise it")
	refused(t, "a set", update("SET tags = :t ADD v :one", item{":t": &types.AttributeValueMemberSS{Value: []string{"a"}}, ":one": num(1)}), "tags can't be kept")
	refused(t, "half a place in an index", update("SET list_pk = :t ADD v :one", item{":t": str("a"), ":one": num(1)}), "both list_pk and list_sk or neither")
	refused(t, "an expiry that is none", update("SET expires_at = :t ADD v :one", item{":t": str("a"), ":one": num(1)}), "expires_at must be a whole number")
	_, err = r.PutItem(t.Context(), &sdk.PutItemInput{TableName: name, Item: record})
	refused(t, "a put over a record", err, "every write must raise it")
	_, err = r.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: name})
	refused(t, "its deletion", err, "opsflow's own")

	note := item{"pk": str("a"), "sk": str("note"), "n": num(1)} // no version: no record of opsflow's
	r.put(tableName, note)
	r.put(tableName, note)
	if got := r.scan(tableName); len(got) != 2 {
		t.Errorf("%d items, want the record and the note", len(got))
	}
	for _, key := range []item{record, {"pk": str("a"), "sk": str("note")}} {
		if _, err := r.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: name, Key: key}); err != nil {
			t.Error(err)
		}
	}
	if got := r.scan(tableName); len(got) != 0 {
		t.Errorf("%d items, want none", len(got))
	}
}

func TestWhoOwnsTheTableIsToldOfWhatWasWritten(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.put(tableName, item{"pk": str("a"), "sk": str("timer"), "wake_pk": str("wake#0"), "wake_sk": str("2026"), "v": num(1)})
	got := r.changed.Load()
	if got == nil || got.Index["wake"] != (table.Key{PK: "wake#0", SK: "2026"}) {
		t.Fatalf("told of %+v", got)
	}
	_, err := r.PutItem(t.Context(), &sdk.PutItemInput{
		TableName: aws.String(tableName), Item: item{"pk": str("b"), "sk": str("none")}, ConditionExpression: aws.String("attribute_exists(pk)"),
	})
	if err == nil || r.changed.Load() != got {
		t.Errorf("told of what was not written: %+v, %v", r.changed.Load(), err)
	}
}
