package states

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// Call is one operation of another AWS service that a Task state calls.
type Call struct {
	Service   string // as the SDK calls it: dynamodb, sqs, sns, sfn, eventbridge, lambda
	Operation string // as the API writes it: GetItem
	Input     []byte // JSON, with the member names of the state's Parameters
	Role      string // ARN of the role that calls
	Session   string // the execution's name
}

// callService calls an operation of a service by its API: the optimised integrations that only pass on, and all of aws-sdk.
// Whoever carries it out asks whether the role may.
func (x *execution) callService(ctx context.Context, r resource, p any) (any, *failure, error) {
	service, isSDK := strings.CutPrefix(r.service, sdkPrefix)
	if o, ok := p.(*value.Object); ok && !isSDK {
		p = plainMessage(o)
	}
	input := value.Text(p)
	if service == "sfn" {
		input = value.Text(renamed(p, unicode.ToLower))
	}
	out, err := x.e.call(ctx, Call{service, strings.ToUpper(r.action[:1]) + r.action[1:], input, x.role(ctx), x.rec.Name})
	if err != nil {
		return nil, nil, err
	}
	if len(out) == 0 {
		return value.NewObject(0), nil, nil
	}
	v, err := value.Parse(out)
	if err != nil {
		return nil, nil, fmt.Errorf("answer of %s %s: %w", service, r.action, err)
	}
	if service == "sfn" {
		v = renamed(v, unicode.ToUpper)
	}
	if o, ok := v.(*value.Object); ok && !isSDK {
		id, err := uuid.New(x.e.random)
		if err != nil {
			return nil, nil, err
		}
		v = o.With("SdkHttpMetadata", value.ObjectOf(value.Member{Key: "HttpStatusCode", Value: number(200)})).
			With("SdkResponseMetadata", value.ObjectOf(value.Member{Key: "RequestId", Value: id}))
	}
	return v, nil, nil
}

// plainMessage writes a message that is JSON as the text that SQS and SNS take: the optimised integrations do that for the
// definition's author.
func plainMessage(o *value.Object) *value.Object {
	for _, name := range []string{"MessageBody", "Message"} {
		v, ok := o.Get(name)
		if _, isText := v.(string); ok && !isText {
			o = o.With(name, string(value.Text(v)))
		}
	}
	return o
}

// renamed gives every member a name that begins as wanted. Step Functions writes members in PascalCase whatever the API does.
func renamed(v any, first func(rune) rune) any {
	switch v := v.(type) {
	case *value.Object:
		out := value.NewObject(v.Len())
		for _, m := range v.Members() {
			name := []rune(m.Key)
			if len(name) > 0 {
				name[0] = first(name[0])
			}
			out.Set(string(name), renamed(m.Value, first))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = renamed(v[i], first)
		}
		return out
	default:
		return v
	}
}

// unmodelled are error codes that the SDKs for Java have no class for: Step Functions shows the service's base class.
var unmodelled = []string{"ValidationException", "ValidationError", "InvalidParameter", "SerializationException"}

// serviceFailure names an error of the service that carried out the task: Lambda.ResourceNotFoundException.
func serviceFailure(r resource, err error) *failure {
	service, isSDK := strings.CutPrefix(r.service, sdkPrefix)
	prefix := errorPrefixes[service]
	if isSDK {
		prefix = sdkServices[service]
	}
	if prefix == "" { // a function by its ARN
		prefix = "Lambda"
	}
	var coded interface{ ErrorCode() string }
	if !errors.As(err, &coded) {
		return &failure{Name: prefix + ".SdkClientException", Cause: err.Error(), task: true}
	}
	code := coded.ErrorCode()
	name := code
	switch {
	case prefix == "Lambda" && !isSDK && code == "AccessDeniedException":
		name = "AWSLambdaException" // Lambda's clients know no more of it
	case slices.Contains(unmodelled, code) && isSDK:
		name = prefix + "Exception"
	case slices.Contains(unmodelled, code) && service == "dynamodb":
		name = "AmazonDynamoDBException"
	case service == "sqs" && !isSDK:
		name = "AmazonSQSException"
	case service == "events" && slices.Contains(unmodelled, code):
		name = "AmazonEventBridgeException"
	case service == "sns" && !isSDK && slices.Contains(unmodelled, code):
		name = "AmazonSNSException"
	case !strings.HasSuffix(code, "Exception"):
		name += "Exception"
	}
	cause := err.Error()
	var worded interface{ ErrorMessage() string }
	if errors.As(err, &worded) {
		cause = worded.ErrorMessage()
		switch {
		case isSDK:
			cause += fmt.Sprintf(" (Service: %s, Status Code: 400, Request ID: %s)", prefix, noRequestID)
		case service == "dynamodb":
			cause += fmt.Sprintf(" (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: %s; Request ID: %s; Proxy: null)", code, noRequestID)
		}
	}
	return &failure{Name: prefix + "." + name, Cause: cause, task: true}
}

// noRequestID stands where AWS shows the number of a request: here requests have none.
const noRequestID = "00000000-0000-0000-0000-000000000000"

// noServices is Options.Call where there is none.
func noServices(_ context.Context, c Call) ([]byte, error) {
	return nil, fmt.Errorf("%s is not available in the local runtime", c.Service)
}

func memberNames(v any) []string {
	o, ok := v.(*value.Object)
	if !ok {
		return nil
	}
	names := make([]string, 0, o.Len())
	for _, m := range o.Members() {
		names = append(names, m.Key)
	}
	return names
}
