// Package action tells what a request to AWS asks to do: the IAM actions that it needs, on which resources, with the values
// of the condition keys. An operation that is not named here needs the action of its own name, so that whatever is added to
// the AWS endpoint is refused to a role until a policy allows it.
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
package action

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// anything is the resource of an action that knows none.
const anything = "*"

const place = stack.Region + ":" + stack.Account

// UnreadableError is a request that names nothing that could be allowed or refused.
type UnreadableError struct{ code, message string }

func (e *UnreadableError) Error() string { return e.code + ": " + e.message }

// ErrorCode is AWS's name for it.
func (e *UnreadableError) ErrorCode() string { return e.code }

// ErrorMessage is the text without the code.
func (e *UnreadableError) ErrorMessage() string { return e.message }

func unknown(what string) error {
	return &UnreadableError{"UnknownOperationException", "there is no operation " + what}
}

// Reader reads requests.
type Reader struct {
	// HashKey gives the partition key's attribute of a table; "" for one that is not known.
	HashKey func(table string) string
}

// services are those of the JSON protocols, by what X-Amz-Target begins with: their IAM prefix, and what an operation asks
// for. Other services ask for the action of the operation's name on anything.
var services = map[string]struct {
	prefix string
	asks   func(Reader, string, object) []iam.Request
}{
	awsjson.StepFunctions:  {"states", machines},
	awsjson.EventBridge:    {"events", buses},
	awsjson.DynamoDB:       {"dynamodb", tables},
	awsjson.SQS:            {"sqs", queues},
	awsjson.SecretsManager: {"secretsmanager", secrets},
	awsjson.Logs:           {"logs", logs},
}

// Of gives everything that a request needs to be allowed, in any of AWS's protocols. An *UnreadableError for one that can't
// be told: nobody can allow it.
func (rd Reader) Of(r *http.Request, body []byte) ([]iam.Request, error) {
	_, service := Signer(r)
	if prefix, operation := awsjson.Target(r); prefix != "" {
		if operation == "" {
			return nil, unknown(prefix)
		}
		var in object
		if len(body) > 0 {
			if err := json.Unmarshal(body, &in); err != nil {
				return nil, &UnreadableError{"SerializationException", "the request is not a JSON object: " + err.Error()}
			}
		}
		if s, ok := services[prefix]; ok {
			return s.asks(rd, operation, in), nil
		}
		if service == "" {
			service = prefix
		}
		return on(service+":"+operation, anything), nil
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("Action") == "" {
			return nil, &UnreadableError{"MissingAction", "the request names no Action"}
		}
		return byForm(service, form), nil
	}
	if ask, ok := paths[service]; ok {
		return ask(r, body)
	}
	return nil, unknown(r.Method + " " + r.URL.Path + " of " + service)
}

// Signer takes from a request's signature, in its header or in a presigned URL, the access key and the service that it is
// for: "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/events/aws4_request".
func Signer(r *http.Request) (key, service string) {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, in, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(in, ",")
	}
	parts := strings.Split(credential, "/")
	if len(parts) == 5 {
		service = parts[3]
	}
	return parts[0], service
}

// on is one action on each of some resources.
func on(action string, resources ...string) []iam.Request {
	out := make([]iam.Request, len(resources))
	for i, r := range resources {
		out[i] = iam.Request{Action: action, Resource: r}
	}
	return out
}

// passing adds what giving roles to a service needs.
func passing(requests []iam.Request, service string, roles ...string) []iam.Request {
	for _, role := range roles {
		if role != "" {
			requests = append(requests, PassRole(role, service))
		}
	}
	return requests
}

// PassRole is what giving a role to a service needs.
func PassRole(role, service string) iam.Request {
	return iam.Request{
		Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {service + ".amazonaws.com"}},
	}
}

// object is a request's body.
type object map[string]any

func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) object(name string) object {
	m, _ := o[name].(map[string]any)
	return m
}

func (o object) list(name string) []object {
	items, _ := o[name].([]any)
	out := make([]object, len(items))
	for i, item := range items {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// first gives the first of some members that is there.
func (o object) first(names ...string) string {
	for _, name := range names {
		if s := o.text(name); s != "" {
			return s
		}
	}
	return ""
}

// arn gives an ARN as it is, and else what stands behind the beginning of one.
func arn(begins, name string) string {
	switch {
	case name == "":
		return anything
	case strings.HasPrefix(name, "arn:"):
		return name
	}
	return begins + name
}
