package action

import (
	"opsflow/shared/local/iam"
	"opsflow/shared/local/states"
)

const statesARN = "arn:aws:states:" + place + ":"

// StateMachine is the ARN of the state machine of a name.
func StateMachine(name string) string { return statesARN + "stateMachine:" + name }

// OfToken is the state machine that a task token belongs to, which is what using the token needs a permission on.
func OfToken(token string) string { return StateMachine(states.MachineOfToken(token)) }

// machines are the operations of Step Functions.
func machines(_ Reader, operation string, in object) []iam.Request {
	var resource string
	switch operation {
	case "CreateStateMachine":
		resource = StateMachine(in.text("name"))
	case "CreateActivity":
		resource = statesARN + "activity:" + in.text("name")
	case "ListStateMachines":
		resource = StateMachine(anything)
	case "ListActivities":
		resource = statesARN + "activity:" + anything
	case "SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat":
		resource = OfToken(in.text("taskToken"))
	default:
		resource = arn("", in.first("stateMachineArn", "executionArn", "mapRunArn", "activityArn", "stateMachineAliasArn",
			"stateMachineVersionArn", "resourceArn"))
	}
	return passing(on("states:"+operation, resource), "states", in.text("roleArn"))
}
