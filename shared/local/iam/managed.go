package iam

import "strings"

// managed are the policies of AWS's own that functions and state machines usually have, by the end of their ARN.
//
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
var managed = map[string][]string{
	"service-role/AWSLambdaBasicExecutionRole":    logs,
	"service-role/AWSLambdaSQSQueueExecutionRole": append([]string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, logs...),
	"service-role/AWSLambdaDynamoDBExecutionRole": append([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}, logs...),
	"service-role/AWSLambdaVPCAccessExecutionRole": append([]string{
		"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
		"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}, logs...),
	"service-role/AWSLambdaRole": {"lambda:InvokeFunction"},
	"AWSXrayWriteOnlyAccess":     tracing,
	"AWSXRayDaemonWriteAccess":   tracing,
	"AWSStepFunctionsFullAccess": {"states:*"},
	"AmazonSQSFullAccess":        {"sqs:*"},
	"AmazonSNSFullAccess":        {"sns:*"},
	"AmazonSESFullAccess":        {"ses:*"},
}

var (
	logs    = []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
	tracing = []string{
		"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
		"xray:GetSamplingStatisticSummaries",
	}
)

// Managed gives what one of AWS's own policies grants, by its ARN or, as SAM takes it, its name. ok is false for one that is
// not known here.
func Managed(policy string) (name string, statements []Statement, ok bool) {
	_, name, isARN := strings.Cut(policy, ":iam::aws:policy/")
	for _, known := range []string{name, policy, "service-role/" + policy} {
		if actions, ok := managed[known]; ok && (isARN || !strings.Contains(policy, "/")) {
			return known[strings.LastIndexByte(known, '/')+1:], []Statement{{Actions: actions, Resources: []string{"*"}}}, true
		}
	}
	return "", nil, false
}
