package states

// operations are those of the API, by name.
var operations = map[string]operation{
	"CreateStateMachine":               createStateMachine,
	"UpdateStateMachine":               updateStateMachine,
	"DeleteStateMachine":               deleteStateMachine,
	"DescribeStateMachine":             describeStateMachine,
	"DescribeStateMachineForExecution": describeStateMachineForExecution,
	"ListStateMachines":                listStateMachines,
	"ValidateStateMachineDefinition":   validateDefinition,
	"TestState":                        testState,

	"PublishStateMachineVersion": publishVersion,
	"DeleteStateMachineVersion":  deleteVersion,
	"ListStateMachineVersions":   listVersions,
	"CreateStateMachineAlias":    createAlias,
	"UpdateStateMachineAlias":    updateAlias,
	"DeleteStateMachineAlias":    deleteAlias,
	"DescribeStateMachineAlias":  describeAlias,
	"ListStateMachineAliases":    listAliases,
	"TagResource":                tagResource,
	"UntagResource":              untagResource,
	"ListTagsForResource":        listTags,

	"StartExecution":      startExecution,
	"StartSyncExecution":  startSyncExecution,
	"StopExecution":       stopExecution,
	"RedriveExecution":    redriveExecution,
	"DescribeExecution":   describeExecution,
	"ListExecutions":      listExecutions,
	"GetExecutionHistory": getExecutionHistory,

	"ListMapRuns":    listMapRuns,
	"DescribeMapRun": describeMapRun,
	"UpdateMapRun":   updateMapRun,

	"SendTaskSuccess":   sendTaskSuccess,
	"SendTaskFailure":   sendTaskFailure,
	"SendTaskHeartbeat": sendTaskHeartbeat,
	"CreateActivity":    createActivity,
	"DeleteActivity":    deleteActivity,
	"DescribeActivity":  describeActivity,
	"ListActivities":    listActivities,
	"GetActivityTask":   getActivityTask,
}
