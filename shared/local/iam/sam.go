package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// samTemplate is one of SAM's policy templates: what it grants, with its ${Parameter}s in resources; ${Place} is
// "<region>:<account>".
type samTemplate struct {
	parameters []string
	grants     []samGrant
}

type samGrant struct{ actions, resources []string }

const table = "arn:aws:dynamodb:${Place}:table/${TableName}"

// samTemplates are those of https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html
// that make sense in a stack which the local runtime can run.
var samTemplates = map[string]samTemplate{
	"DynamoDBCrudPolicy": {[]string{"TableName"}, []samGrant{{
		[]string{
			"dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:UpdateItem",
			"dynamodb:BatchWriteItem", "dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:ConditionCheckItem",
		},
		[]string{table, table + "/index/*"},
	}}},
	"DynamoDBReadPolicy": {[]string{"TableName"}, []samGrant{{
		[]string{"dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"},
		[]string{table, table + "/index/*"},
	}}},
	"DynamoDBWritePolicy": {[]string{"TableName"}, []samGrant{{
		[]string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"},
		[]string{table, table + "/index/*"},
	}}},
	"EventBridgePutEventsPolicy": {[]string{"EventBusName"}, []samGrant{{
		[]string{"events:PutEvents"}, []string{"arn:aws:events:${Place}:event-bus/${EventBusName}"},
	}}},
	"LambdaInvokePolicy": {[]string{"FunctionName"}, []samGrant{{
		[]string{"lambda:InvokeFunction"}, []string{"arn:aws:lambda:${Place}:function:${FunctionName}*"},
	}}},
	"StepFunctionsExecutionPolicy": {[]string{"StateMachineName"}, []samGrant{{
		[]string{"states:StartExecution"}, []string{"arn:aws:states:${Place}:stateMachine:${StateMachineName}"},
	}}},
	"StepFunctionsCallbackPolicy": {[]string{"StateMachineName"}, []samGrant{{
		[]string{"states:SendTaskFailure", "states:SendTaskSuccess"},
		[]string{"arn:aws:states:${Place}:stateMachine:${StateMachineName}"},
	}}},
	"SQSPollerPolicy": {[]string{"QueueName"}, []samGrant{{
		[]string{
			"sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage", "sqs:DeleteMessageBatch",
			"sqs:GetQueueAttributes", "sqs:ReceiveMessage",
		},
		[]string{"arn:aws:sqs:${Place}:${QueueName}"},
	}}},
	"SQSSendMessagePolicy": {[]string{"QueueName"}, []samGrant{{
		[]string{"sqs:SendMessage*"}, []string{"arn:aws:sqs:${Place}:${QueueName}"},
	}}},
	"SNSPublishMessagePolicy": {[]string{"TopicName"}, []samGrant{{
		[]string{"sns:Publish"}, []string{"arn:aws:sns:${Place}:${TopicName}"},
	}}},
	"SESCrudPolicy": {[]string{"IdentityName"}, []samGrant{{
		[]string{
			"ses:GetIdentityVerificationAttributes", "ses:SendEmail", "ses:SendRawEmail", "ses:VerifyEmailIdentity",
		},
		[]string{"arn:aws:ses:${Place}:identity/${IdentityName}"},
	}}},
}

// ExpandTemplate gives what one of SAM's policy templates grants in a region and account. An error for one that is not
// known, and for parameters that it has not or that are missing.
func ExpandTemplate(name string, parameters map[string]string, region, account string) ([]Statement, error) {
	t, ok := samTemplates[name]
	if !ok {
		return nil, fmt.Errorf("the local runtime does not know the policy template %s; it knows %s",
			name, strings.Join(slices.Sorted(maps.Keys(samTemplates)), ", "))
	}
	values := []string{"${Place}", region + ":" + account}
	for _, p := range t.parameters {
		v, ok := parameters[p]
		if !ok {
			return nil, fmt.Errorf("the policy template %s needs %s", name, p)
		}
		values = append(values, "${"+p+"}", v)
	}
	for _, p := range slices.Sorted(maps.Keys(parameters)) {
		if !slices.Contains(t.parameters, p) {
			return nil, fmt.Errorf("the policy template %s has no parameter %s", name, p)
		}
	}
	replace := strings.NewReplacer(values...)
	var out []Statement
	for _, g := range t.grants {
		s := Statement{Actions: g.actions}
		for _, r := range g.resources {
			s.Resources = append(s.Resources, replace.Replace(r))
		}
		out = append(out, s)
	}
	return out, nil
}
