package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"opsflow/shared/local/awsjson"
)

const maxBody = 16 << 20 // DynamoDB's own limit

// operation answers a request, whose body is JSON.
type operation func(ctx context.Context, body []byte) (object, error)

// take makes an operation of a function that takes its request decoded.
func take[T any](run func(ctx context.Context, in *T) (object, error)) operation {
	return func(ctx context.Context, body []byte) (object, error) {
		var in T
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, &fault{code: serialization, message: notRead(err)}
		}
		return run(ctx, &in)
	}
}

// notRead says in AWS's words what is wrong with a request's JSON.
func notRead(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err.Error()
	}
	switch value, _, _ := strings.Cut(wrong.Value, " "); value {
	case "array":
		return "Start of list found where not expected"
	case "object":
		return "Start of structure or map found where not expected"
	case "bool":
		return "TRUE_VALUE or FALSE_VALUE cannot be converted to " + protocolTypes[wrong.Type.Kind()]
	default:
		return strings.ToUpper(value) + "_VALUE cannot be converted to " + protocolTypes[wrong.Type.Kind()]
	}
}

// protocolTypes are what the protocol calls the types of members.
var protocolTypes = map[reflect.Kind]string{
	reflect.String: "String", reflect.Bool: "Boolean", reflect.Int: "Integer", reflect.Int64: "Long", reflect.Slice: "List", reflect.Map: "Map",
	reflect.Struct: "Structure",
}

func (s *Service) all() map[string]operation {
	return map[string]operation{
		"BatchGetItem":       take(s.batchGetItem),
		"BatchWriteItem":     take(s.batchWriteItem),
		"CreateTable":        take(s.createTable),
		"DeleteItem":         take(s.deleteItem),
		"DeleteTable":        take(s.deleteTable),
		"DescribeTable":      take(s.describeTable),
		"DescribeTimeToLive": take(s.describeTimeToLive),
		"GetItem":            take(s.getItem),
		"ListTables":         take(s.listTables),
		"ListTagsOfResource": take(s.listTags),
		"PutItem":            take(s.putItem),
		"Query":              take(s.query),
		"Scan":               take(s.scan),
		"TagResource":        take(s.tag),
		"TransactGetItems":   take(s.transactGetItems),
		"TransactWriteItems": take(s.transactWriteItems),
		"UntagResource":      take(s.untag),
		"UpdateItem":         take(s.updateItem),
		"UpdateTable":        take(s.updateTable),
		"UpdateTimeToLive":   take(s.updateTimeToLive),
	}
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(w, r)
	if err != nil {
		faultOf(err).write(w)
		return
	}
	write(w, http.StatusOK, answer)
}

func (f *fault) write(w http.ResponseWriter) {
	write(w, f.status(), append(object{{"__type", f.space() + f.code}, {"message", f.message}}, f.members...))
}

func write(w http.ResponseWriter, status int, answer object) {
	raw, err := answer.append(nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", awsjson.Version10)
	w.WriteHeader(status)
	_, _ = w.Write(raw) //nolint:gosec // it is JSON, and says so; whoever has gone does not need it
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request) (object, error) {
	service, name := awsjson.Target(r)
	run, known := s.operations[name]
	if r.Method != http.MethodPost || service != awsjson.DynamoDB || !known {
		return nil, &fault{code: unknownOperation, message: "the local DynamoDB has no operation " + name}
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, &fault{code: "RequestEntityTooLarge", message: "the request is over 16 MB"}
		}
		return nil, invalid("read the request: %v", err)
	}
	return run(r.Context(), body.Bytes())
}
