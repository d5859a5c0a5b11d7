package local

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"opsflow/shared/aws/ses"
)

// sending takes the requests with which SES and SNS are asked to send something: what they would send lands in the outbox.
// ok is false for any other request.
func (o *outbox) sending(w http.ResponseWriter, r *http.Request) (ok bool) {
	switch {
	case r.URL.Path == ses.Path:
		var m ses.Message
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&m); err != nil || len(m.Destination.ToAddresses) == 0 {
			w.Header().Set("X-Amzn-Errortype", "BadRequestException")
			writeJSON(w, http.StatusBadRequest, map[string]string{"message": "the message can't be read"})
			return true
		}
		if o.isDown("email") {
			w.Header().Set("X-Amzn-Errortype", "InternalServiceErrorException")
			writeJSON(w, http.StatusServiceUnavailable, map[string]string{"message": "e-mail is down: PUT /dev/outbox said so"})
			return true
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
		return true
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		w.Header().Set("Content-Type", "text/xml")
		if r.FormValue("Action") != "Publish" || r.FormValue("PhoneNumber") == "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>this endpoint only publishes to a PhoneNumber</Message></Error></ErrorResponse>`)
			return true
		}
		if o.isDown("sms") {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Receiver</Type><Code>InternalError</Code><Message>SMS is down: PUT /dev/outbox said so</Message></Error></ErrorResponse>`)
			return true
		}
		o.add(Message{At: o.now(), Channel: "sms", To: r.FormValue("PhoneNumber"), Text: r.FormValue("Message")})
		_, _ = fmt.Fprint(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>local</MessageId></PublishResult></PublishResponse>`)
		return true
	}
	return false
}
