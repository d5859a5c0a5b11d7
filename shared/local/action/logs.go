package action

import (
	"strings"

	"opsflow/shared/local/iam"
)

const logsARN = "arn:aws:logs:" + place + ":log-group:"

// logs are the operations of CloudWatch Logs, which asks for the permission on a group's streams where it is about events.
func logs(_ Reader, operation string, in object) []iam.Request {
	group := in.first("logGroupName", "logGroupIdentifier")
	if group == "" {
		return on("logs:"+operation, arn("", in.text("resourceArn")))
	}
	resource := strings.TrimSuffix(arn(logsARN, group), ":*")
	if strings.HasSuffix(operation, "LogEvents") || strings.HasSuffix(operation, "LogStream") {
		resource += ":log-stream:" + in.text("logStreamName")
	}
	return on("logs:"+operation, resource)
}
