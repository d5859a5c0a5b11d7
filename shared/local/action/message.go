package action

import (
	"net/url"
	"strings"

	"opsflow/shared/local/iam"
)

const (
	queueARN = "arn:aws:sqs:" + place + ":"
	topicARN = "arn:aws:sns:" + place + ":"
)

// Publish is what SNS Publish needs. SNS knows no resource for a telephone number: the number stands for it.
func Publish(topic, target, phone string) iam.Request {
	return iam.Request{Action: "sns:Publish", Resource: object{"t": topic, "e": target, "p": phone}.first("p", "t", "e")}
}

// queues are the operations of SQS, which has no permissions of their own for batches.
func queues(_ Reader, operation string, in object) []iam.Request {
	action := "sqs:" + strings.TrimSuffix(operation, "Batch")
	name := in.first("QueueName", "QueueUrl")
	if name == "" {
		return on(action, arn("", in.first("SourceArn", "TaskHandle")))
	}
	return on(action, queueARN+name[strings.LastIndexByte(name, '/')+1:])
}

// byForm are the operations of services that take forms: SNS, and SQS and others in old clients.
func byForm(service string, form url.Values) []iam.Request {
	operation := form.Get("Action")
	in := object{}
	for name := range form {
		in[name] = form.Get(name)
	}
	switch service {
	case "sts":
		if operation == "GetCallerIdentity" {
			return nil // everybody may
		}
		return on("sts:"+operation, arn("", in.text("RoleArn")))
	case "sqs":
		return queues(Reader{}, operation, in)
	case "sns":
	default:
		return on(service+":"+operation, anything)
	}
	switch operation {
	case "Publish", "PublishBatch":
		return []iam.Request{Publish(in.text("TopicArn"), in.text("TargetArn"), in.text("PhoneNumber"))}
	}
	return on("sns:"+operation, arn(topicARN, in.first("TopicArn", "ResourceArn", "SubscriptionArn", "Name")))
}
