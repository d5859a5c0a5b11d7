package local

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"opsflow/shared/aws/ses"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/stack"
	"opsflow/shared/local/states"
)

// guardEndpoint holds the requests that functions make at the AWS endpoint against their roles. Those to the table are
// checked there (see guardedTable).
func (p *permissions) guardEndpoint(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := p.holder(accessKeyOf(r))
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20)) // no service takes more
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r = r.WithContext(as(r.Context(), f))
		err = p.checkAll(r.Context(), requestsOf(r, body)...)
		if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
			answerDenied(w, r, denied)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// accessKeyOf takes the key id from a signature: "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/events/...".
func accessKeyOf(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// requestsOf gives what an HTTP request asks to do. A body that can't be read asks for nothing that can be named: the
// service refuses it.
func requestsOf(r *http.Request, body []byte) []iam.Request {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return []iam.Request{{
			Action: invokeFunction, Resource: "arn:aws:lambda:" + stack.Region + ":" + stack.Account + ":function:" + lambda.Name(name),
		}}
	}
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "AWSStepFunctions":
		return statesRequests(operation, body)
	case "AWSEvents":
		return eventsRequests(operation, body)
	case secretsService:
		var in secretRequest
		if json.Unmarshal(body, &in) != nil {
			return nil
		}
		return []iam.Request{{Action: "secretsmanager:" + operation, Resource: secretARN(in.id())}}
	case "":
		return messageRequests(r, body)
	}
	return nil
}

const invokeFunction = "lambda:InvokeFunction"

func statesRequests(operation string, body []byte) []iam.Request {
	var in struct{ StateMachineARN, ExecutionARN, ActivityARN, TaskToken, Name, RoleARN string }
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	r := iam.Request{Action: "states:" + operation}
	switch {
	case in.TaskToken != "":
		r.Resource = machineARN(states.MachineOfToken(in.TaskToken))
	case in.StateMachineARN != "":
		r.Resource = in.StateMachineARN
	case in.ExecutionARN != "":
		r.Resource = in.ExecutionARN
	case in.ActivityARN != "":
		r.Resource = in.ActivityARN
	case in.Name != "":
		r.Resource = machineARN(in.Name)
	}
	if in.RoleARN == "" {
		return []iam.Request{r}
	}
	return []iam.Request{r, passRole(in.RoleARN)}
}

// machineARN is the ARN of a state machine to be.
func machineARN(name string) string {
	return "arn:aws:states:" + stack.Region + ":" + stack.Account + ":stateMachine:" + name
}

func eventsRequests(operation string, body []byte) []iam.Request {
	if operation != "PutEvents" {
		return []iam.Request{{Action: "events:" + operation}}
	}
	var in struct {
		Entries []struct{ EventBusName, Source string }
	}
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	var out []iam.Request
	for _, e := range in.Entries {
		out = append(out, iam.Request{
			Action: putEvents, Resource: busARN(e.EventBusName), Context: map[string][]string{"events:source": {e.Source}},
		})
	}
	return out
}

// messageRequests are those to SES and SNS. SNS has no resource for a telephone number: the number stands for it.
func messageRequests(r *http.Request, body []byte) []iam.Request {
	if r.URL.Path == ses.Path {
		var m ses.Message
		if json.Unmarshal(body, &m) != nil {
			return nil
		}
		return []iam.Request{{
			Action: "ses:SendEmail", Resource: "arn:aws:ses:" + stack.Region + ":" + stack.Account + ":identity/" + m.FromEmailAddress,
			Context: map[string][]string{"ses:FromAddress": {m.FromEmailAddress}},
		}}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") == "" {
		return nil
	}
	resource := form.Get("PhoneNumber")
	if resource == "" {
		resource = form.Get("TopicArn")
	}
	return []iam.Request{{Action: "sns:" + form.Get("Action"), Resource: resource}}
}

// answerDenied refuses in the protocol of the service.
func answerDenied(w http.ResponseWriter, r *http.Request, denied *iam.DeniedError) {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		writeJSON(w, http.StatusBadRequest, map[string]string{"__type": denied.ErrorCode(), "message": denied.Message()})
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>")
		_ = xml.EscapeText(w, []byte(denied.Message()))
		_, _ = io.WriteString(w, "</Message></Error></ErrorResponse>")
	default:
		w.Header().Set("X-Amzn-Errortype", denied.ErrorCode())
		writeJSON(w, http.StatusForbidden, map[string]string{"message": denied.Message()})
	}
}
