// Package awsjson is what the services of this machine have in common that speak AWS's JSON protocols: a request is a POST
// whose header X-Amz-Target names service and operation, and whose body has the input
// (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html).
package awsjson

import (
	"encoding/json"
	"net/http"
	"strings"
)

// What X-Amz-Target begins with, up to the dot.
const (
	DynamoDB       = "DynamoDB_20120810"
	EventBridge    = "AWSEvents"
	Logs           = "Logs_20140328"
	SecretsManager = "secretsmanager"
	SQS            = "AmazonSQS"
	StepFunctions  = "AWSStepFunctions"
)

// The content types of the two versions of the protocol.
const (
	Version10 = "application/x-amz-json-1.0"
	Version11 = "application/x-amz-json-1.1"
)

const header = "X-Amz-Target"

// Target tells which service and operation a request is for; both are empty when it is of another protocol.
func Target(r *http.Request) (service, operation string) {
	service, operation, _ = strings.Cut(r.Header.Get(header), ".")
	return service, operation
}

// Ask makes a request one for an operation of a service.
func Ask(r *http.Request, service, operation string) {
	r.Header.Set("Content-Type", Version10)
	r.Header.Set(header, service+"."+operation)
}

// Answer sends what an operation gives; nil is an empty object.
func Answer(w http.ResponseWriter, version string, status int, out any) {
	if out == nil {
		out = struct{}{}
	}
	text, err := json.Marshal(out)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"__type":"InternalServerError"}`)
	}
	w.Header().Set("Content-Type", version)
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever has gone does not need it
}

// Refuse sends an error: its shape may have a name space before a "#".
func Refuse(w http.ResponseWriter, version string, status int, shape, message string) {
	Answer(w, version, status, map[string]string{"__type": shape, "message": message})
}
