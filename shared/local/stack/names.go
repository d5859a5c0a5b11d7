package stack

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The types of resources that the local runtime makes something of.
const (
	typeFunction     = "AWS::Serverless::Function"
	typeStateMachine = "AWS::Serverless::StateMachine"
	typeHTTPAPI      = "AWS::Serverless::HttpApi"
	typeBus          = "AWS::Events::EventBus"
	typeRule         = "AWS::Events::Rule"
	typeTable        = "AWS::DynamoDB::Table"
	typeSimpleTable  = "AWS::Serverless::SimpleTable"
	typeQueue        = "AWS::SQS::Queue"
	typeMapping      = "AWS::Lambda::EventSourceMapping"
	typeConnection   = "AWS::Events::Connection"
	typeDestination  = "AWS::Events::ApiDestination"
	typeSchedule     = "AWS::Scheduler::Schedule"
	typeScheduleSet  = "AWS::Scheduler::ScheduleGroup"
	typeTopic        = "AWS::SNS::Topic"
)

// named says, for a type, which property gives the physical name, and what the ARN begins with.
var named = map[string]struct{ property, arn string }{
	typeFunction:           {"FunctionName", "arn:aws:lambda:" + Region + ":" + Account + ":function:"},
	typeStateMachine:       {"Name", "arn:aws:states:" + Region + ":" + Account + ":stateMachine:"},
	typeHTTPAPI:            {"Name", "arn:aws:apigateway:" + Region + "::/apis/"},
	typeBus:                {"Name", "arn:aws:events:" + Region + ":" + Account + ":event-bus/"},
	typeRule:               {"Name", "arn:aws:events:" + Region + ":" + Account + ":rule/"},
	typeTable:              {"TableName", "arn:aws:dynamodb:" + Region + ":" + Account + ":table/"},
	typeSimpleTable:        {"TableName", "arn:aws:dynamodb:" + Region + ":" + Account + ":table/"},
	typeQueue:              {"QueueName", "arn:aws:sqs:" + Region + ":" + Account + ":"},
	"AWS::Events::Archive": {"ArchiveName", "arn:aws:events:" + Region + ":" + Account + ":archive/"},
	typeRole:               {"RoleName", roleARN},
	"AWS::Logs::LogGroup":  {"LogGroupName", "arn:aws:logs:" + Region + ":" + Account + ":log-group:"},
	typeTopic:              {"TopicName", "arn:aws:sns:" + Region + ":" + Account + ":"},
	typeConnection:         {"Name", "arn:aws:events:" + Region + ":" + Account + ":connection/"},
	typeDestination:        {"Name", "arn:aws:events:" + Region + ":" + Account + ":api-destination/"},
	typeSchedule:           {"Name", schedulerARN + "schedule/default/"},
	typeScheduleSet:        {"Name", schedulerARN + "schedule-group/"},
	typeManagedPolicy:      {"ManagedPolicyName", "arn:aws:iam::" + Account + ":policy/"},
}

const schedulerARN = "arn:aws:scheduler:" + Region + ":" + Account + ":"

const roleARN = "arn:aws:iam::" + Account + ":role/"

// pseudo are the parameters that CloudFormation itself gives. The stack is called by its prefix, as in samconfig.toml.
func pseudo(name string) (any, bool) {
	switch name {
	case "AWS::AccountId":
		return Account, true
	case "AWS::Region":
		return Region, true
	case "AWS::Partition":
		return "aws", true
	case "AWS::URLSuffix":
		return "amazonaws.com", true
	case "AWS::StackName":
		return "opsflow", true
	case "AWS::NoValue":
		return noValue{}, true
	}
	return nil, false
}

func (r *resolver) find(id string) (resource, bool) {
	for _, res := range r.resources {
		if res.id == id {
			return res, true
		}
	}
	return resource{}, false
}

// ref is what Ref of a parameter or resource gives.
func (r *resolver) ref(at ast.Node, name string) (any, error) {
	if v, ok := pseudo(name); ok {
		return v, nil
	}
	if v, ok := r.values[name]; ok {
		return v, nil
	}
	res, ok := r.find(name)
	if !ok {
		if r.isRole(name) {
			return "opsflow-" + name, nil
		}
		return nil, r.fault(at, "there is no parameter or resource %s", name)
	}
	physical, err := r.name(res)
	if err != nil {
		return nil, err
	}
	switch res.kind {
	case typeStateMachine, typeManagedPolicy, typeTopic:
		return named[res.kind].arn + physical, nil
	case typeQueue:
		return "https://sqs." + Region + ".amazonaws.com/" + Account + "/" + physical, nil
	}
	return physical, nil
}

// isRole reports whether an id is that of the role that SAM makes for a function or state machine that has none of its own.
func (r *resolver) isRole(id string) bool {
	owner, isRole := strings.CutSuffix(id, "Role")
	o, ok := r.find(owner)
	return isRole && ok && (o.kind == typeFunction || o.kind == typeStateMachine)
}

// getAtt is what GetAtt of "Resource.Attribute" gives.
func (r *resolver) getAtt(at ast.Node, s string) (any, error) {
	id, attribute, ok := strings.Cut(s, ".")
	if !ok {
		return nil, r.fault(at, "!GetAtt needs Resource.Attribute, got %s", s)
	}
	res, ok := r.find(id)
	if !ok {
		if attribute == "Arn" && r.isRole(id) {
			return roleARN + "opsflow-" + id, nil
		}
		return nil, r.fault(at, "there is no resource %s", id)
	}
	physical, err := r.name(res)
	if err != nil {
		return nil, err
	}
	switch attribute {
	case "Arn":
		if group := res.properties["GroupName"]; res.kind == typeSchedule && group != nil {
			name, err := r.text(group)
			return schedulerARN + "schedule/" + name + "/" + physical, err
		}
		if res.kind == typeRule {
			return r.ruleARN(res, physical)
		}
		if n, ok := named[res.kind]; ok {
			return n.arn + physical, nil
		}
	case "Name", "QueueName", "FunctionName":
		return physical, nil
	case "ApiEndpoint":
		return "http://127.0.0.1:3000", nil
	}
	return nil, r.fault(at, "%s %s has no attribute %s that the local runtime knows", res.kind, id, attribute)
}

// ruleARN has the name of the rule's bus in it, unless that is the default bus.
func (r *resolver) ruleARN(res resource, name string) (any, error) {
	n := res.properties["EventBusName"]
	if n == nil {
		return ruleARN("default", name), nil
	}
	bus, err := r.text(n)
	return ruleARN(bus, name), err
}

// ruleARN takes the bus by its name or ARN.
func ruleARN(bus, name string) string {
	if bus = bus[strings.LastIndexByte(bus, '/')+1:]; bus != "default" {
		name = bus + "/" + name
	}
	return named[typeRule].arn + name
}

// name is a resource's physical name: what its property says, else its logical id with the stack's name before it (and what FIFO
// queues must have behind it).
func (r *resolver) name(res resource) (string, error) {
	if slices.Contains(r.asking, res.id) {
		return "", r.fault(res.node, "the name of %s depends on itself", res.id)
	}
	n := res.properties[named[res.kind].property]
	if n == nil {
		if res.properties["FifoQueue"] != nil {
			return "opsflow-" + res.id + ".fifo", nil
		}
		return "opsflow-" + res.id, nil
	}
	r.asking = append(r.asking, res.id)
	defer func() { r.asking = r.asking[:len(r.asking)-1] }()
	return r.text(n)
}
