package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/local"
	"opsflow/shared/table/dynamo/dynamolocal"
)

func tablesOf(rt *local.Runtime) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(rt.AWSURL()), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
}

// makeOrders makes a table of the user's own.
func makeOrders(t *testing.T, client *dynamodb.Client) {
	t.Helper()
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = dynamodb.NewTableExistsWaiter(client).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("orders")}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
}

func TestStateMachineWorksOnATableOfItsOwn(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	makeOrders(t, tablesOf(m.rt))
	const key = `"TableName": "orders", "Key": {"id": {"S.$": "$.id"}}`
	attributes := func(out map[string]any, member string) map[string]any {
		t.Helper()
		a, _ := out[member].(map[string]any)
		return a
	}
	number := func(a map[string]any, name string) any {
		v, _ := a[name].(map[string]any)
		return v["N"]
	}

	if out, name, cause := m.run("dynamodb:putItem", `{"TableName": "orders", "Item": {"id": {"S.$": "$.id"}, "amount": {"N": "10"}, "tags": {"SS": ["new"]}}}`,
		`{"id": "o-1"}`); out == nil {
		t.Fatalf("put: %s %s", name, cause)
	}
	out, name, cause := m.run("dynamodb:updateItem", `{`+key+`, "UpdateExpression": "SET skus = list_append(if_not_exists(skus, :none), :line) ADD amount :n, tags :t",
		"ConditionExpression": "attribute_exists(id) AND amount < :max", "ReturnValues": "ALL_NEW", "ExpressionAttributeValues": {":none": {"L": []},
		":line": {"L": [{"M": {"sku": {"S": "a"}}}]}, ":n": {"N.$": "$.n"}, ":t": {"SS": ["paid"]}, ":max": {"N": "100"}}}`, `{"id": "o-1", "n": "2.5"}`)
	if got := number(attributes(out, "Attributes"), "amount"); got != "12.5" {
		t.Fatalf("update: %v, %s %s", out, name, cause)
	}
	_, name, cause = m.run("dynamodb:updateItem", `{`+key+`, "UpdateExpression": "SET amount = :n", "ConditionExpression": "amount > :max",
		"ExpressionAttributeValues": {":n": {"N": "1"}, ":max": {"N": "100"}}}`, `{"id": "o-1"}`)
	if name != "DynamoDB.ConditionalCheckFailedException" || !strings.HasPrefix(cause, "The conditional request failed (Service: AmazonDynamoDBv2;") {
		t.Errorf("a condition that fails: %s %s", name, cause)
	}
	_, name, cause = m.run("dynamodb:updateItem", `{`+key+`, "UpdateExpression": "SET name = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}`, `{"id": "o-1"}`)
	if name != "DynamoDB.AmazonDynamoDBException" || !strings.Contains(cause, "Attribute name is a reserved keyword; reserved keyword: name") {
		t.Errorf("a reserved word: %s %s", name, cause)
	}
	out, name, cause = m.run("dynamodb:getItem", `{`+key+`, "ProjectionExpression": "amount, skus[0].sku"}`, `{"id": "o-1"}`)
	if item := attributes(out, "Item"); len(item) != 2 || number(item, "amount") != "12.5" {
		t.Errorf("get: %v, %s %s", out, name, cause)
	}
	out, name, cause = m.run("aws-sdk:dynamodb:query", `{"TableName": "orders", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "o-1"}}}`, `{}`)
	if out["Count"] != 1.0 {
		t.Errorf("query: %v, %s %s", out, name, cause)
	}
	out, name, cause = m.run("dynamodb:deleteItem", `{`+key+`, "ReturnValues": "ALL_OLD"}`, `{"id": "o-1"}`)
	if got := number(attributes(out, "Attributes"), "amount"); got != "12.5" {
		t.Errorf("delete: %v, %s %s", out, name, cause)
	}
	if out, name, cause = m.run("dynamodb:getItem", `{`+key+`}`, `{"id": "o-1"}`); out == nil || out["Item"] != nil {
		t.Errorf("get what is deleted: %v, %s %s", out, name, cause)
	}
}

func TestTableOfAUserOutlivesARestart(t *testing.T) {
	t.Parallel()
	o := options()
	o.Data = t.TempDir()
	first, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	client := tablesOf(first)
	makeOrders(t, client)
	order := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "o-1"}}
	if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("orders"), Item: order}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := tablesOf(start(t, o)).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("orders"), Key: order})
	if err != nil || len(got.Item) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

const notesTable = `
  Notes:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${Prefix}-notes
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}%s]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 5}
      TimeToLiveSpecification: {AttributeName: ends, Enabled: true}
%s`

const notesIndex = `      GlobalSecondaryIndexes:
        - IndexName: kinds
          KeySchema: [{AttributeName: kind, KeyType: HASH}]
          Projection: {ProjectionType: ALL}
          ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 5}
`

// hasNotes reports whether the table of the template is there, with how many indexes.
func hasNotes(t *testing.T, client *dynamodb.Client) (indexes int) {
	t.Helper()
	described, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("opsflow-notes")})
	if err != nil || *described.Table.ProvisionedThroughput.ReadCapacityUnits != 5 {
		t.Fatalf("got %+v, %v", described, err)
	}
	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("opsflow-notes")})
	if err != nil || aws.ToString(ttl.TimeToLiveDescription.AttributeName) != "ends" {
		t.Errorf("got %+v, %v", ttl, err)
	}
	return len(described.Table.GlobalSecondaryIndexes)
}

func TestTemplateMayDeclareTablesBesideTheOwnOne(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t))
	before := w.read("template.yaml")
	client := tablesOf(w.rt)
	w.save("template.yaml", inserted(before, fmt.Sprintf(notesTable, "", "")), "table opsflow-notes added")
	if got := hasNotes(t, client); got != 0 {
		t.Errorf("%d indexes, want none", got)
	}
	_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("opsflow-notes"), Item: map[string]types.AttributeValue{
		"id": &types.AttributeValueMemberS{Value: "a"}, "kind": &types.AttributeValueMemberS{Value: "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.save("template.yaml", inserted(before, fmt.Sprintf(notesTable, ", {AttributeName: kind, AttributeType: S}", notesIndex)), "table opsflow-notes changed")
	if got := hasNotes(t, client); got != 1 {
		t.Errorf("%d indexes, want the one of the template", got)
	}
	w.save("template.yaml", before, "table opsflow-notes removed")
	if scanned, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("opsflow-notes"), IndexName: aws.String("kinds")}); err != nil || scanned.Count != 1 {
		t.Errorf("what was in a table that is no longer in the template: %v, %v", scanned, err)
	}
	w.save("template.yaml", strings.Replace(before, "AttributeName: expires_at", "AttributeName: ends", 1), "the table opsflow has changed")
}

func TestTablesOfTheTemplateAreMadeAtAnotherEndpoint(t *testing.T) {
	t.Parallel()
	endpoint, stop, err := dynamolocal.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	root := checkout(t)
	o := options()
	o.Template, o.TableURL = filepath.Join(root, "template.yaml"), endpoint
	text, err := os.ReadFile(o.Template)
	if err != nil {
		t.Fatal(err)
	}
	put(t, o.Template, inserted(string(text), fmt.Sprintf(notesTable, "", "")))
	for range 2 { // the second time it is there
		rt, err := local.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		client := tablesOf(rt) // with keys of its own, which must lead to the same database
		hasNotes(t, client)
		listed, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{})
		if err != nil || len(listed.TableNames) != 2 {
			t.Errorf("got %v, %v; want opsflow's table and the other one", listed, err)
		}
		if err := rt.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
