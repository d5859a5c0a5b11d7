package states

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// resource is what a Task state's Resource names.
type resource struct {
	kind    resourceKind
	arn     string
	service string // lambda, events, states, dynamodb, ...; aws-sdk:dynamodb for the SDK integration of one
	action  string // invoke, putEvents, startExecution, getItem, ...
	pattern string // "", sync, sync:2, waitForTaskToken
}

type resourceKind uint8

const (
	resourceUnknown   resourceKind = iota
	resourceElsewhere              // AWS has it, this machine has not
	resourceFunction
	resourceActivity
	resourceService
)

const (
	waitForToken = "waitForTaskToken"
	sdkPrefix    = "aws-sdk:"
)

// integration is an optimised integration: the patterns it has, and what its Parameters may and must hold (Step Functions
// developer guide, "Integrating services").
type integration struct {
	patterns []string
	fields   []string
	required []string
}

var integrations = map[string]integration{
	"lambda:invoke": {
		[]string{"", waitForToken},
		[]string{"FunctionName", "Payload", "InvocationType", "LogType", "ClientContext", "Qualifier"},
		[]string{"FunctionName"},
	},
	"events:putEvents": {[]string{"", waitForToken}, []string{"Entries"}, []string{"Entries"}},
	"states:startExecution": {
		[]string{"", "sync", "sync:2", waitForToken},
		[]string{"StateMachineArn", "Name", "Input", "TraceHeader"},
		[]string{"StateMachineArn"},
	},
	"dynamodb:getItem": {
		[]string{""},
		[]string{"TableName", "Key", "AttributesToGet", "ConsistentRead", "ExpressionAttributeNames", "ProjectionExpression", "ReturnConsumedCapacity"},
		[]string{"TableName", "Key"},
	},
	"dynamodb:putItem": {
		[]string{""},
		[]string{
			"TableName", "Item", "ConditionalOperator", "ConditionExpression", "Expected", "ExpressionAttributeNames",
			"ExpressionAttributeValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ReturnValues",
		},
		[]string{"TableName", "Item"},
	},
	"dynamodb:updateItem": {
		[]string{""},
		[]string{
			"TableName", "Key", "AttributeUpdates", "ConditionalOperator", "ConditionExpression", "Expected", "ExpressionAttributeNames",
			"ExpressionAttributeValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ReturnValues", "UpdateExpression",
		},
		[]string{"TableName", "Key"},
	},
	"dynamodb:deleteItem": {
		[]string{""},
		[]string{
			"TableName", "Key", "ConditionalOperator", "ConditionExpression", "Expected", "ExpressionAttributeNames",
			"ExpressionAttributeValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ReturnValues",
		},
		[]string{"TableName", "Key"},
	},
	"sns:publish": {
		[]string{"", waitForToken},
		[]string{"Message", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageStructure", "PhoneNumber", "Subject", "TargetArn", "TopicArn"},
		[]string{"Message"},
	},
	"sqs:sendMessage": {
		[]string{"", waitForToken},
		[]string{"QueueUrl", "MessageBody", "DelaySeconds", "MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "MessageSystemAttributes"},
		[]string{"QueueUrl", "MessageBody"},
	},
}

// elsewhere are the services that Step Functions has optimised integrations for and this machine has not.
var elsewhere = strings.Fields("apigateway athena batch bedrock codebuild databrew ecs eks elasticmapreduce emr-containers " +
	"emr-serverless glue http mediaconvert sagemaker")

// sdkServices are the services that aws-sdk integrations reach here, with the name that their errors begin with: that of the
// service's client in the AWS SDK for Java 2.
var sdkServices = map[string]string{
	"dynamodb": "DynamoDb", "s3": "S3", "sqs": "Sqs", "sns": "Sns", "sfn": "Sfn", "eventbridge": "EventBridge", "lambda": "Lambda",
}

// errorPrefixes are what the errors of optimised integrations begin with.
var errorPrefixes = map[string]string{
	"lambda": "Lambda", "events": "EventBridge", "states": "StepFunctions", "dynamodb": "DynamoDB", "sns": "SNS", "sqs": "SQS",
}

// functionName is a function's name with, maybe, a version or an alias.
var functionName = regexp.MustCompile(`^[A-Za-z0-9_-]+(:(\$LATEST|[A-Za-z0-9_-]+))?$`)

var sdkAction = regexp.MustCompile(`^([a-z0-9]+):([a-z][A-Za-z0-9]*)$`)

// parseResource reads arn:aws:lambda:...:function:NAME, arn:aws:states:...:activity:NAME,
// arn:aws:states:::service:action[.pattern] or arn:aws:states:::aws-sdk:service:action[.waitForTaskToken].
func parseResource(arn string) resource {
	r := resource{arn: arn}
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) < 7 {
		return r
	}
	switch {
	case parts[2] == "lambda" && parts[5] == "function":
		if functionName.MatchString(parts[6]) {
			r.kind = resourceFunction
		}
	case parts[2] == "states" && parts[5] == "activity":
		r.kind, r.action = resourceActivity, parts[6]
	case parts[2] == "states" && parts[3] == "":
		r.service = parts[5]
		r.action, r.pattern, _ = strings.Cut(parts[6], ".")
		r.kind = r.serviceKind()
	}
	return r
}

func (r *resource) serviceKind() resourceKind {
	if one, ok := integrations[r.service+":"+r.action]; ok {
		if slices.Contains(one.patterns, r.pattern) {
			return resourceService
		}
		return resourceUnknown
	}
	if r.service == "aws-sdk" {
		m := sdkAction.FindStringSubmatch(r.action)
		if m == nil || r.pattern != "" && r.pattern != waitForToken {
			return resourceUnknown
		}
		r.service, r.action = sdkPrefix+m[1], m[2]
		if sdkServices[m[1]] != "" {
			return resourceService
		}
		return resourceElsewhere
	}
	if slices.Contains(elsewhere, r.service) {
		return resourceElsewhere
	}
	return resourceUnknown
}

// notRecognised is how CreateStateMachine refuses a resource that AWS does not have.
func (r resource) notRecognised() string {
	return fmt.Sprintf("The resource provided %s is not recognized. The value is not a valid resource ARN, or the resource is not "+
		"available in this region.", r.arn)
}

// check finds what is wrong with the parameters of an optimised integration once they are evaluated.
func (r resource) check(parameters any) error {
	for _, wrong := range r.wrongFields(memberNames(parameters)) {
		return runtimeFailure("%s", wrong)
	}
	return nil
}

// wrongFields tells which fields the parameters of an optimised integration lack, and which they may not have.
func (r resource) wrongFields(given []string) []string {
	one, ok := integrations[r.service+":"+r.action]
	if !ok {
		return nil
	}
	var wrong []string
	for _, name := range one.required {
		if !slices.Contains(given, name) {
			wrong = append(wrong, fmt.Sprintf("The field '%s' is required but was missing", name))
		}
	}
	for _, name := range given {
		if !slices.Contains(one.fields, name) {
			wrong = append(wrong, fmt.Sprintf("The field \"%s\" is not supported by Step Functions", name))
		}
	}
	return wrong
}

// event is the type of a history event about a task of this kind.
func (r resource) event(what string) string {
	switch r.kind {
	case resourceFunction:
		return "LambdaFunction" + what
	case resourceActivity:
		return "Activity" + what
	default:
		return "Task" + what
	}
}

// details are the members that every event about the task has.
func (r resource) details() map[string]any {
	if r.kind != resourceService {
		return map[string]any{}
	}
	name := r.action
	if r.pattern != "" {
		name += "." + r.pattern
	}
	return map[string]any{"resourceType": r.service, "resource": name}
}

// limitName is what the message about too large a result calls the task.
func (r resource) limitName() string {
	if r.kind == resourceService {
		return r.service
	}
	return r.arn
}
