package undelivered

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"opsflow/shared/ops"
)

// Batch is what an SQS event source mapping invokes a function with:
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
type Batch struct {
	Records []Message `json:"Records"`
}

// Message is one dead letter.
type Message struct {
	ID         string               `json:"messageId"`
	Body       string               `json:"body"`
	Queue      string               `json:"eventSourceARN"`
	System     map[string]string    `json:"attributes"` // SentTimestamp, in milliseconds since 1970
	Attributes map[string]Attribute `json:"messageAttributes"`
}

// Attribute is a message attribute, a text or a number.
type Attribute struct {
	Value string `json:"stringValue"`
}

// Outcome names the messages of a batch that are to be delivered again; the others are done with.
type Outcome struct {
	Failures []Failure `json:"batchItemFailures"`
}

// Failure names a message.
type Failure struct {
	ID string `json:"itemIdentifier"`
}

// onFailure is what Lambda sends to the destination of an asynchronous invocation that it gave up:
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type onFailure struct {
	Context struct {
		Function  string `json:"functionArn"`
		Condition string `json:"condition"`
		Tries     int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	Request  json.RawMessage `json:"requestPayload"`
	Response struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	} `json:"responsePayload"`
}

// What an undelivered record keeps of texts that come from elsewhere, in bytes.
const (
	maxCode    = 128
	maxMessage = 2000
)

// read makes a record of a dead letter: EventBridge's, which is the event with the reason in attributes, or Lambda's, which
// is a record around it. What is neither is kept as it is: whoever put it there can be found only by its text.
func read(m Message, now time.Time) *ops.Undelivered {
	sent := now
	if ms, err := strconv.ParseInt(m.System["SentTimestamp"], 10, 64); err == nil {
		sent = time.UnixMilli(ms).UTC()
	}
	u := &ops.Undelivered{Queue: last(m.Queue), LastFailedAt: sent}
	payload := json.RawMessage(m.Body)
	var lambda onFailure
	switch {
	case m.Attributes["TARGET_ARN"].Value != "":
		u.Target, u.Rule = m.Attributes["TARGET_ARN"].Value, m.Attributes["RULE_ARN"].Value
		u.Code, u.Message = m.Attributes["ERROR_CODE"].Value, m.Attributes["ERROR_MESSAGE"].Value
		retries, _ := strconv.Atoi(m.Attributes["RETRY_ATTEMPTS"].Value) // absent: none
		u.Tries = retries + 1
	case json.Unmarshal(payload, &lambda) == nil && lambda.Context.Function != "":
		u.Target = lambda.Context.Function
		u.Code, u.Message = cmp.Or(lambda.Response.Type, lambda.Context.Condition), lambda.Response.Message
		u.Tries, payload = lambda.Context.Tries, lambda.Request
	default:
		u.Target, u.Code, u.Message = m.Queue, "UNKNOWN_MESSAGE", "neither EventBridge nor Lambda put this into the queue"
	}
	u.Source = functionName(u.Target)
	u.Code, u.Message = cut(u.Code, maxCode), cut(u.Message, maxMessage)
	keep(u, payload)
	u.ID = ops.HashID("und-", u.Source, identity(u, m, payload))
	return u
}

// keep takes over the event.
func keep(u *ops.Undelivered, payload json.RawMessage) {
	u.Bytes = len(payload)
	if !json.Valid(payload) {
		text, err := json.Marshal(string(payload))
		if err != nil {
			return // a text can always be written
		}
		payload = text
	}
	if len(payload) <= ops.MaxUndeliveredEvent {
		u.Event = payload
	}
	var env ops.Envelope
	if json.Unmarshal(payload, &env) != nil || env.ID == "" || env.Source == "" || env.DetailType == "" {
		return
	}
	u.EventID, u.EventSource, u.EventType, u.EventTime = env.ID, env.Source, env.DetailType, env.Time
}

// identity is what makes two dead letters of a source the same: that they are of the same event, sent again or not, or else
// that they are the same message.
func identity(u *ops.Undelivered, m Message, payload json.RawMessage) string {
	var env ops.Envelope
	if u.EventID == "" || json.Unmarshal(payload, &env) != nil {
		return m.ID
	}
	id, _ := ops.IdentifyEvent(env)
	return env.Source + " " + id
}

func last(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// functionName is a function's name in its ARN, without version or alias; what else an ARN names is its last part.
func functionName(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) > 6 && parts[2] == "lambda" {
		return parts[6]
	}
	return last(arn)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
