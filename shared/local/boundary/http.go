package boundary

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"

	"opsflow/shared/local/action"
	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/s3"
)

// byTarget are the services by what X-Amz-Target begins with.
var byTarget = map[string]string{
	awsjson.EventBridge: Events, awsjson.StepFunctions: States, awsjson.SQS: SQS, awsjson.DynamoDB: DynamoDB,
	awsjson.SecretsManager: SecretsManager,
}

// functionsPath begins the paths of Lambda's Invoke.
const functionsPath = "/2015-03-31/functions/"

// maxForm is as much of a form as is read for the name of its operation, in bytes.
const maxForm = 1 << 20

// FromRequest tells what a request to the AWS endpoint asks for, and nothing of whom. The body can still be read. The zero
// Call is a request to no service that is here.
func FromRequest(r *http.Request) Call {
	if service, operation := awsjson.Target(r); service != "" {
		return Call{Service: byTarget[service], Operation: operation}
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, functionsPath); ok {
		name, _, _ := strings.Cut(rest, "/")
		return Invocation(name)
	}
	_, service := action.Signer(r)
	switch {
	case !Known(service):
		return Call{}
	case service == SES:
		return Call{Service: SES, Operation: "SendEmail"}
	case isForm(r):
		return Call{Service: service, Operation: operation(r)}
	}
	return Call{Service: service}
}

func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// operation reads the operation of a form, and puts the body back.
func operation(r *http.Request) string {
	head, err := io.ReadAll(io.LimitReader(r.Body, maxForm))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	if err != nil {
		return ""
	}
	form, err := url.ParseQuery(string(head))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

// errorResponse is an error of the services that answer in XML.
type errorResponse struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Type    string   `xml:"Error>Type"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
}

// Refuse answers a request in the protocol of its service.
func Refuse(w http.ResponseWriter, r *http.Request, e *Error) {
	if isForm(r) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(e.Status)
		_ = xml.NewEncoder(w).Encode(errorResponse{Type: "Sender", Code: e.Code, Message: e.Message}) // nobody is left to tell of an error
		return
	}
	if _, service := action.Signer(r); service == "s3" {
		s3.Refuse(w, r, &s3.Error{Code: e.Code, Message: e.Message, Status: e.Status})
		return
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
	if service, _ := awsjson.Target(r); service != "" {
		awsjson.Refuse(w, awsjson.Version10, e.Status, e.Code, e.Message)
		return
	}
	awsjson.Answer(w, "application/json", e.Status, map[string]string{"message": e.Message})
}
