package dynamodb_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"opsflow/shared/table/dynamo/dynamolocal"
)

// oracle gives the URL of the one DynamoDB Local of this test binary, which begins with the first test that asks.
var oracle = sync.OnceValues(func() (string, error) {
	url, stop, err := dynamolocal.Start(context.Background())
	stopOracle = stop
	return url, err
})

// stopOracle is set when there is something to stop.
var stopOracle func()

func TestMain(m *testing.M) {
	code := m.Run()
	if stopOracle != nil {
		stopOracle()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// pair asks DynamoDB Local and the local runtime the same.
type pair struct {
	testing.TB
	endpoints [2]string // DynamoDB Local, ours
	table     string    // stands for tab1
}

// standardTable has a number as its sort key, a global and a local index.
const standardTable = `{"TableName": "tab1", "BillingMode": "PAY_PER_REQUEST",
	"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
	"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
		{"AttributeName": "g", "AttributeType": "S"}],
	"GlobalSecondaryIndexes": [{"IndexName": "gin", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
		"Projection": {"ProjectionType": "KEYS_ONLY"}}],
	"LocalSecondaryIndexes": [{"IndexName": "lin", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "g", "KeyType": "RANGE"}],
		"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]}}]}`

const standardItem = `{"pk": {"S": "a"}, "sk": {"N": "1"}, "a": {"N": "5"}, "s": {"S": "hello"},
	"l": {"L": [{"N": "1"}, {"S": "two"}, {"M": {"x": {"N": "3"}}}]}, "m": {"M": {"k": {"S": "v"}, "n": {"N": "1"}, "l": {"L": [{"N": "1"}, {"N": "2"}]}}},
	"ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}, "bs": {"BS": ["YQ==", "YWJj"]}, "b": {"B": "YWJj"}, "bo": {"BOOL": true}, "nu": {"NULL": true},
	"u": {"S": "é😀a"}}`

func newPair(t testing.TB, table string) *pair {
	t.Helper()
	theirs, err := oracle()
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, nil, time.Now)
	p := &pair{TB: t, endpoints: [2]string{theirs, url}, table: table}
	p.must("CreateTable", standardTable)
	t.Cleanup(func() { p.call(theirs, "DeleteTable", `{"TableName": "tab1"}`) })
	return p
}

// answer is what an endpoint answers.
type answer struct {
	Error   string // its name; "" for success
	Message string
	Body    map[string]any
	Items   []map[string]any // in their order
}

func (p *pair) call(endpoint, operation, body string) answer {
	p.Helper()
	if p.table != "" {
		body = strings.ReplaceAll(body, `"tab1"`, `"`+p.table+`"`)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(p.Context()), http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261127/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		p.Fatal(err)
	}
	if p.table != "" {
		raw = bytes.ReplaceAll(raw, []byte(`"`+p.table+`"`), []byte(`"tab1"`))
	}
	var a answer
	if err := errors.Join(json.Unmarshal(raw, &a.Body), json.Unmarshal(raw, &struct{ Items *[]map[string]any }{&a.Items})); err != nil {
		p.Fatalf("%s %s: %s", operation, body, raw)
	}
	if kind, ok := a.Body["__type"].(string); ok {
		a.Error = kind[strings.LastIndexByte(kind, '#')+1:]
		a.Message, _ = a.Body["message"].(string)
		if a.Message == "" {
			a.Message, _ = a.Body["Message"].(string)
		}
		delete(a.Body, "__type")
		delete(a.Body, "message")
		delete(a.Body, "Message")
	}
	a.Body, _ = normal(a.Body).(map[string]any)
	return a
}

// must asks both, and both must succeed.
func (p *pair) must(operation, body string) {
	p.Helper()
	for _, endpoint := range p.endpoints {
		if a := p.call(endpoint, operation, body); a.Error != "" {
			p.Fatalf("%s: %s %s: %s %s", endpoint, operation, body, a.Error, a.Message)
		}
	}
}

// agree asks both, and both must answer the same; operation and body may be of another form than shown.
func (p *pair) agree(shown, operation, body string) {
	p.Helper()
	theirs, ours := p.call(p.endpoints[0], operation, body), p.call(p.endpoints[1], operation, body)
	if operation == "Scan" && theirs.Body["LastEvaluatedKey"] != nil || strings.Contains(body, "TotalSegments") && theirs.Error == "" {
		return // which partitions come first is nobody's promise
	}
	if why := differ(theirs, ours); why != "" {
		p.Errorf("%s\n\tDynamoDB Local: %s %s %s\n\there:           %s %s %s\n\t(%s)",
			shown, theirs.Error, theirs.Message, text(theirs.Body), ours.Error, ours.Message, text(ours.Body), why)
	}
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func differ(theirs, ours answer) string {
	switch {
	case theirs.Error != ours.Error:
		return "another error"
	case !sameMessage(theirs.Message, ours.Message):
		return "another message"
	case !sameReasons(theirs.Body, ours.Body):
		return "other reasons"
	case !reflect.DeepEqual(theirs.Body, ours.Body):
		return "another answer"
	}
	return ""
}

// sameReasons compares the messages of a transaction's reasons, and takes them away.
func sameReasons(theirs, ours map[string]any) bool {
	message := func(body map[string]any, i int) string {
		list, _ := body["CancellationReasons"].([]any)
		if i >= len(list) {
			return ""
		}
		reason, _ := list[i].(map[string]any)
		said, _ := reason["Message"].(string)
		delete(reason, "Message")
		return said
	}
	reasons, _ := theirs["CancellationReasons"].([]any)
	for i := range reasons {
		if !sameMessage(message(theirs, i), message(ours, i)) {
			return false
		}
	}
	return true
}

// rewording is a message of DynamoDB Local that AWS words otherwise: a pattern of theirs, and one of ours.
type rewording struct{ theirs, ours *regexp.Regexp }

var rewordings = sync.OnceValue(func() []rewording {
	pattern := func(s string) *regexp.Regexp {
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, ".*") + "$")
	}
	var list []rewording
	for line := range strings.Lines(worded) {
		if theirs, ours, ok := strings.Cut(strings.TrimSpace(line), " => "); ok {
			list = append(list, rewording{pattern(theirs), pattern(ours)})
		}
	}
	return list
})

func sameMessage(theirs, ours string) bool {
	return theirs == ours || slices.ContainsFunc(rewordings(), func(w rewording) bool {
		return w.theirs.MatchString(theirs) && w.ours.MatchString(ours)
	})
}

// normal brings lists whose order says nothing into one, and numbers into the form that AWS gives: DynamoDB Local shows -3.0
// for what it has just summed up.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if n, ok := v["N"].(string); ok && strings.Contains(n, ".") {
			v["N"] = strings.TrimSuffix(strings.TrimRight(n, "0"), ".")
		}
		for name := range v {
			v[name] = normal(v[name])
			if list, ok := v[name].([]any); ok && (name == "Items" || name == "tab1") {
				slices.SortFunc(list, func(a, b any) int { return cmp.Compare(text(a), text(b)) })
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
		return v
	default:
		return v
	}
}

// cases reads a file of cases: lines of some columns, and comments.
func cases(t *testing.T, file string) [][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimRight(line, "\n"); line != "" && line[0] != '#' {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	return out
}

// expressionCase reads a quoted expression and its values, and gives them as members of a request.
func expressionCase(t *testing.T, c []string, member string) string {
	t.Helper()
	members := fmt.Sprintf(`"%s": %s`, member, c[0])
	if len(c) > 1 {
		members += `, "ExpressionAttributeValues": ` + c[1]
	}
	return members
}

const standardKey = `"TableName": "tab1", "Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}`

func TestConditionsAreDecidedAsByDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "conditions")
	p.must("PutItem", `{"TableName": "tab1", "Item": `+standardItem+`}`)
	for _, c := range cases(t, "conditions.txt") {
		p.agree(c[0], "DeleteItem", `{`+standardKey+`, `+expressionCase(t, c, "ConditionExpression")+`, "ReturnValues": "ALL_OLD"}`)
		p.must("PutItem", `{"TableName": "tab1", "Item": `+standardItem+`}`)
		p.agree("filter "+c[0], "Scan", `{"TableName": "tab1", `+expressionCase(t, c, "FilterExpression")+`}`)
	}
}

func TestUpdatesComeToTheSameAsInDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "updates")
	for _, c := range cases(t, "updates.txt") {
		p.must("PutItem", `{"TableName": "tab1", "Item": `+standardItem+`}`)
		p.agree(c[0], "UpdateItem", `{`+standardKey+`, `+expressionCase(t, c, "UpdateExpression")+`, "ReturnValues": "ALL_NEW"}`)
		p.agree(c[0]+", then read", "GetItem", `{`+standardKey+`}`)
	}
}

func TestProjectionsAreThoseOfDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "projections")
	p.must("PutItem", `{"TableName": "tab1", "Item": `+standardItem+`}`)
	for _, c := range cases(t, "projections.txt") {
		p.agree(c[0], "GetItem", `{`+standardKey+`, `+expressionCase(t, c, "ProjectionExpression")+`}`)
	}
}

func TestKeyConditionsFindWhatTheyFindInDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "keys")
	for i := range 5 {
		p.must("PutItem", fmt.Sprintf(`{"TableName": "tab1", "Item": {"pk": {"S": "q"}, "sk": {"N": "%d"}}}`, i))
	}
	for _, c := range cases(t, "key_conditions.txt") {
		p.agree(c[0], "Query", `{"TableName": "tab1", `+expressionCase(t, c, "KeyConditionExpression")+`}`)
	}
}

func TestRequestsAreAnsweredAsByDynamoDBLocal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"values", "writes", "queries", "scans", "batches", "transactions", "legacy", "capacity"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, name)
			for i, c := range cases(t, name+".txt") {
				operation, body, _ := strings.Cut(c[0], " ")
				p.agree(strconv.Itoa(i+1)+": "+c[0], operation, body)
			}
		})
	}
}

func TestOperationsOnTablesSucceedAndFailAsInDynamoDBLocal(t *testing.T) {
	t.Parallel()
	p := newPair(t, "tables")
	for _, c := range cases(t, "tables.txt") {
		operation, body, _ := strings.Cut(c[0], " ")
		theirs, ours := p.call(p.endpoints[0], operation, body), p.call(p.endpoints[1], operation, body)
		if theirs.Error != ours.Error {
			t.Errorf("%s:\n\tDynamoDB Local: %s %s\n\there:           %s %s", c[0], theirs.Error, theirs.Message, ours.Error, ours.Message)
		}
	}
}

func TestRequestsThatAreNoRequestsAreRefusedInTheProtocolsWords(t *testing.T) {
	t.Parallel()
	_, url := serve(t, nil, time.Now)
	p := &pair{TB: t}
	for _, c := range []struct{ operation, body, name, message string }{
		{"GetItem", `{"TableName": 1}`, "SerializationException", "NUMBER_VALUE cannot be converted to String"},
		{"GetItem", `{"TableName": "abc", "ConsistentRead": "yes"}`, "SerializationException", "STRING_VALUE cannot be converted to Boolean"},
		{"GetItem", `{"TableName": ["abc"]}`, "SerializationException", "Start of list found where not expected"},
		{"PutItem", `{"TableName": "abc", "Item": {"a": {"S": 1}}}`, "SerializationException", "NUMBER_VALUE cannot be converted to String"},
		{"PutItem", `{"TableName": "abc", "Item": {"a": {"B": "?"}}}`, "SerializationException", "Base64"},
		{"PutItem", `{`, "SerializationException", ""},
		{"ExecuteStatement", `{}`, "UnknownOperationException", "ExecuteStatement"},
	} {
		if got := p.call(url, c.operation, c.body); got.Error != c.name || !strings.Contains(got.Message, c.message) {
			t.Errorf("%s %s: %s %s", c.operation, c.body, got.Error, got.Message)
		}
	}
}
