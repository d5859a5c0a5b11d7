package action

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"opsflow/shared/aws/ses"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/lambda"
)

// paths are the services whose operations are methods and paths, by the name that their signatures have.
var paths = map[string]func(r *http.Request, body []byte) ([]iam.Request, error){
	"lambda":    functions,
	"ses":       emails,
	"scheduler": schedules,
	"s3":        objects,
}

const (
	functionARN = "arn:aws:lambda:" + place + ":function:"
	emailARN    = "arn:aws:ses:" + place + ":identity/"
	scheduleARN = "arn:aws:scheduler:" + place + ":schedule"
)

// InvokeFunction is the permission to call a Lambda function.
const InvokeFunction = "lambda:InvokeFunction"

// Invoke is what calling a function needs, which is given by its name or ARN.
func Invoke(function string) iam.Request {
	return iam.Request{Action: InvokeFunction, Resource: functionARN + lambda.Name(function)}
}

// onFunctions are the operations of Lambda, by method and what follows a function's name.
var onFunctions = map[string]string{
	"POST /invocations":   InvokeFunction,
	"GET ":                "lambda:GetFunction",
	"GET /configuration":  "lambda:GetFunctionConfiguration",
	"GET /concurrency":    "lambda:GetFunctionConcurrency",
	"PUT /concurrency":    "lambda:PutFunctionConcurrency",
	"DELETE /concurrency": "lambda:DeleteFunctionConcurrency",
}

func functions(r *http.Request, _ []byte) ([]iam.Request, error) {
	_, rest, ok := strings.Cut(r.URL.EscapedPath(), "/functions/")
	name, what, deeper := strings.Cut(rest, "/")
	if deeper {
		what = "/" + what
	}
	if r.Method == http.MethodGet && name == "" {
		return on("lambda:ListFunctions", anything), nil
	}
	name, err := url.PathUnescape(name)
	action := onFunctions[r.Method+" "+what]
	if !ok || err != nil || name == "" || action == "" {
		return nil, unknown(r.Method + " " + r.URL.Path)
	}
	one := Invoke(name)
	one.Action = action
	return []iam.Request{one}, nil
}

// emails are the operations of SES: the one that sends.
func emails(r *http.Request, body []byte) ([]iam.Request, error) {
	var m ses.Message
	if r.Method != http.MethodPost || r.URL.Path != ses.Path {
		return nil, unknown(r.Method + " " + r.URL.Path)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, &UnreadableError{"BadRequestException", "the message can't be read: " + err.Error()}
	}
	return []iam.Request{{
		Action: "ses:SendEmail", Resource: emailARN + m.FromEmailAddress,
		Context: map[string][]string{"ses:FromAddress": {m.FromEmailAddress}},
	}}, nil
}

// onSchedules are the operations of EventBridge Scheduler, by method and kind of resource.
var onSchedules = map[string]string{
	"GET /schedules": "ListSchedules", "GET /schedule-groups": "ListScheduleGroups",
	"POST /schedules/": "CreateSchedule", "GET /schedules/": "GetSchedule", "PUT /schedules/": "UpdateSchedule",
	"DELETE /schedules/": "DeleteSchedule", "POST /schedule-groups/": "CreateScheduleGroup",
	"GET /schedule-groups/": "GetScheduleGroup", "DELETE /schedule-groups/": "DeleteScheduleGroup",
	"GET /tags/": "ListTagsForResource", "POST /tags/": "TagResource", "DELETE /tags/": "UntagResource",
}

func schedules(r *http.Request, body []byte) ([]iam.Request, error) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	route := r.Method + " /" + kind
	if name != "" {
		route += "/"
	}
	operation := onSchedules[route]
	if operation == "" {
		return nil, unknown(r.Method + " " + r.URL.Path)
	}
	var in object
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, &UnreadableError{"ValidationException", "the request is not a JSON object: " + err.Error()}
		}
	}
	group := in.text("GroupName")
	if group == "" {
		group = r.URL.Query().Get("groupName")
	}
	if group == "" {
		group = "default"
	}
	resource := scheduleARN + "/" + group + "/" + name
	switch {
	case name == "":
		resource = anything
	case kind == "tags":
		resource = name
	case kind == "schedule-groups":
		resource = scheduleARN + "-group/" + name
	}
	return passing(on("scheduler:"+operation, resource), "scheduler", in.object("Target").text("RoleArn")), nil
}
