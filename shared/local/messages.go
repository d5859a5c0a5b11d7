package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"opsflow/shared/aws/ses"
	"opsflow/shared/local/action"
	"opsflow/shared/local/iam"
	"opsflow/shared/ops"
)

// email is SES SendEmail: what it would send lands in the outbox.
func (o *outbox) email(w http.ResponseWriter, r *http.Request) {
	var m ses.Message
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&m); err != nil || len(m.Destination.ToAddresses) == 0 {
		w.Header().Set("X-Amzn-Errortype", "BadRequestException")
		writeJSON(w, http.StatusBadRequest, map[string]string{"message": "the message can't be read"})
		return
	}
	if o.isDown("email") {
		w.Header().Set("X-Amzn-Errortype", "InternalServiceErrorException")
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"message": "e-mail is down: PUT /dev/outbox said so"})
		return
	}
	id := ""
	for _, tag := range m.EmailTags {
		id = tag.Value
	}
	o.add(Message{
		At: o.now(), ID: id, Channel: "email", To: strings.Join(m.Destination.ToAddresses, ", "),
		Title: m.Content.Simple.Subject.Data, Text: m.Content.Simple.Body.Text.Data,
	})
	writeJSON(w, http.StatusOK, map[string]string{"MessageId": "local"})
}

// forms are the operations whose clients send forms, besides STS's: SNS Publish.
func (rt *Runtime) forms(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	_, service := action.Signer(r)
	operation := r.FormValue("Action")
	var id string
	err := error(&serviceError{"InvalidAction", "this endpoint has SNS Publish; it does not know " + service + " " + operation})
	if operation == "Publish" {
		id, err = rt.publish(publishing{
			r.FormValue("TopicArn"), r.FormValue("TargetArn"), r.FormValue("PhoneNumber"), r.FormValue("Subject"), r.FormValue("Message"),
		})
	}
	failed, refused := errors.AsType[*serviceError](err)
	switch {
	case refused && failed.code == internalError:
		refuse(w, r, http.StatusServiceUnavailable, failed.code, failed.message)
	case refused:
		refuse(w, r, http.StatusBadRequest, failed.code, failed.message)
	case err != nil:
		refuse(w, r, http.StatusInternalServerError, internalError, err.Error())
	default:
		writeXML(w, publishResponse{MessageID: id})
	}
}

// internalError is the name that SNS has for what may pass by itself.
const internalError = "InternalError"

type publishResponse struct {
	XMLName   xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ PublishResponse"`
	MessageID string   `xml:"PublishResult>MessageId"`
}

// publishing is the input of SNS Publish.
type publishing struct{ TopicArn, TargetArn, PhoneNumber, Subject, Message string }

// publishByTask is SNS Publish for a Task state.
func (rt *Runtime) publishByTask(ctx context.Context, input []byte) ([]byte, error) {
	var in publishing
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, &serviceError{"InvalidParameter", "Invalid parameter: " + err.Error()}
	}
	err := rt.permissions.check(ctx, action.Publish(in.TopicArn, in.TargetArn, in.PhoneNumber))
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return nil, &serviceError{authorizationError, denied.ErrorMessage()}
	}
	id, err := rt.publish(in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"MessageId": id})
}

// publish gives a message to a topic or a phone: it lands in the outbox. The answer is its id.
func (rt *Runtime) publish(in publishing) (string, error) {
	m := Message{At: rt.o.Clock.Now(), Channel: "topic", To: in.TopicArn, Title: in.Subject, Text: in.Message}
	switch {
	case in.PhoneNumber != "":
		m.Channel, m.To = "sms", in.PhoneNumber
	case in.TargetArn != "":
		m.To = in.TargetArn
	case in.TopicArn == "":
		return "", &serviceError{"InvalidParameter", "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"}
	}
	if m.Channel == "topic" && !strings.HasPrefix(m.To, "arn:aws:sns:") {
		return "", &serviceError{"InvalidParameter", "Invalid parameter: TopicArn"}
	}
	if m.Channel == "sms" && rt.outbox.isDown("sms") {
		return "", &serviceError{internalError, "SMS is down: PUT /dev/outbox said so"}
	}
	id, err := ops.RandomID("", rand.Reader)
	if err != nil {
		return "", err
	}
	rt.outbox.add(m)
	return id, nil
}
