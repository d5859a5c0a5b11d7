// Package dynamodb lets programs that speak DynamoDB reach the embedded table: function bootstraps that run as processes of
// their own, and developers with the AWS CLI.
//
// It answers the JSON 1.0 protocol for what the driver in shared/table/dynamo sends, whose conditions it knows by their
// text (package expr), and for simple reads by key. It is no DynamoDB: everything else is refused with a word on what to
// use instead. write_id is kept but not shown, and signatures are not checked.
package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"opsflow/shared/local/iam"
	"opsflow/shared/table"
)

const (
	targetPrefix = "DynamoDB_20120810."
	maxBody      = 16 << 20 // DynamoDB's own limit
)

// handler is one table at one endpoint.
type handler struct {
	table   table.Table
	name    string
	indexes []table.Index
	now     func() time.Time
}

// New gives a handler for the table under that name. now stamps what DescribeTable says; what has expired is for the
// table to know.
func New(t table.Table, tableName string, indexes []table.Index, now func() time.Time) http.Handler {
	return &handler{table: t, name: tableName, indexes: slices.Clone(indexes), now: now}
}

// fault is an error in DynamoDB's words.
type fault struct {
	status  int
	code    string
	message string
	extra   map[string]any
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func invalid(format string, args ...any) *fault {
	return &fault{status: http.StatusBadRequest, code: "ValidationException", message: fmt.Sprintf(format, args...)}
}

// unsupported refuses what this endpoint does not do.
func unsupported(format string, args ...any) *fault {
	return invalid("%s is not supported by the local table; run opsflow dev with --table and a real DynamoDB endpoint",
		fmt.Sprintf(format, args...))
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(w, r)
	status := http.StatusOK
	if err != nil {
		f := faultOf(err)
		status = f.status
		body := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + f.code, "message": f.message}
		for name, value := range f.extra {
			body[name] = value
		}
		answer = body
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // whoever has gone does not need it
}

func faultOf(err error) *fault {
	var f *fault
	var limit *table.LimitError
	var busy *table.ThrottleError
	var denied *iam.DeniedError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &limit):
		return invalid("%s", limit.What)
	case errors.As(err, &denied):
		return &fault{status: http.StatusBadRequest, code: denied.ErrorCode(), message: denied.ErrorMessage()}
	case errors.As(err, &busy):
		return &fault{status: http.StatusBadRequest, code: "ThrottlingException", message: busy.Error()}
	}
	return &fault{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if r.Method != http.MethodPost || !ok {
		return nil, invalid("the request is not a POST with X-Amz-Target: %s...", targetPrefix)
	}
	run, ok := map[string]func(ctx context.Context, r request) (any, error){
		"GetItem":            h.getItem,
		"BatchGetItem":       h.batchGetItem,
		"Query":              h.query,
		"PutItem":            h.putItem,
		"UpdateItem":         h.updateItem,
		"DeleteItem":         h.deleteItem,
		"TransactWriteItems": h.transactWriteItems,
		"DescribeTable":      h.describeTable,
		"ListTables":         h.listTables,
	}[operation]
	if !ok {
		return nil, unsupported("%s", operation)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, &fault{
				status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: "the request is over 16 MB",
			}
		}
		return nil, invalid("read the request: %v", err)
	}
	var req request
	d := json.NewDecoder(&body)
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return nil, unsupported("%s with %s", operation, name)
		}
		return nil, &fault{status: http.StatusBadRequest, code: "SerializationException", message: err.Error()}
	}
	if named := operation != "ListTables" && operation != "BatchGetItem" && operation != "TransactWriteItems"; named {
		if err := h.checkName(req.TableName); err != nil {
			return nil, err
		}
	}
	return run(r.Context(), req)
}

// checkName accepts the table by its name or its ARN.
func (h *handler) checkName(name string) error {
	if name == h.name || name == h.arn() {
		return nil
	}
	return &fault{
		status: http.StatusBadRequest, code: "ResourceNotFoundException",
		message: fmt.Sprintf("there is no table %q here, only %q", name, h.name),
	}
}

// request has every field that some operation here understands; another one in a request is refused.
type request struct {
	change
	Item                   attributes
	IndexName              string
	KeyConditionExpression string
	ConsistentRead         bool
	ScanIndexForward       *bool
	Limit                  int
	ExclusiveStartKey      attributes
	RequestItems           map[string]struct {
		Keys           []attributes
		ConsistentRead bool
	}
	TransactItems []struct {
		Put            *putChange
		Update, Delete *change
	}
	ClientRequestToken     string
	ReturnValues           string
	ReturnConsumedCapacity string
}

// change is what the writing operations have in common, alone or in a transaction.
type change struct {
	TableName                           string
	Key                                 attributes
	UpdateExpression                    string
	ConditionExpression                 string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           attributes
	ReturnValuesOnConditionCheckFailure string
}

type putChange struct {
	change
	Item attributes
}
