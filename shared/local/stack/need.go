package stack

import (
	"encoding/json"
	"fmt"
	"strings"

	"opsflow/shared/local/iam"
)

// Need is something that AWS must be allowed to do for what the template asks of it: EventBridge to deliver, Lambda to read a
// queue and to send away what failed.
type Need struct {
	For     string // "rule opsflow-sweep-due"
	Role    string // ARN of the role that it is done as; "": EventBridge does it, which the resource's own policy must allow
	Request iam.Request
}

const eventBridge = "events.amazonaws.com"

// sendingTo is the action that a message to a resource needs; "" when nobody knows.
func sendingTo(arn string) string {
	if strings.HasPrefix(arn, named[typeDestination].arn) {
		return "events:InvokeApiDestination"
	}
	return sending[service(arn)]
}

// sending is the action that a message to most resources needs, by the service in their ARNs.
var sending = map[string]string{
	"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish", "states": "states:StartExecution", "events": "events:PutEvents",
}

// polling is what Lambda does with a queue that a function reads.
var polling = []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

// Needs gives everything that AWS must be allowed to do for the stack. What a rule may not deliver is lost, and nobody hears of
// it; what a function's role lacks, Lambda says when it is deployed.
func (s *Stack) Needs() []Need {
	var out []Need
	add := func(what, role, to string, context map[string][]string) {
		if action := sendingTo(to); action != "" {
			out = append(out, Need{what, role, iam.Request{Action: action, Resource: to, Context: context}})
		}
	}
	for _, rule := range s.Rules {
		source := map[string][]string{"aws:SourceArn": {rule.ARN}, "aws:SourceAccount": {Account}}
		for _, t := range rule.Targets {
			if t.RoleARN != "" || takesPolicies(t.ARN) {
				add("rule "+rule.Name, t.RoleARN, t.ARN, source)
			}
			add("rule "+rule.Name, "", t.DeadLetter, source)
		}
	}
	for _, d := range s.Schedules {
		var p properties
		if json.Unmarshal(d.Text, &p) != nil {
			continue
		}
		target := p.sub("Target")
		add("schedule "+d.Name, target.text("RoleArn"), target.text("Arn"), nil)
		add("schedule "+d.Name, target.text("RoleArn"), target.sub("DeadLetterConfig").text("Arn"), nil)
	}
	for _, f := range s.Functions {
		add("failures of function "+f.Name, f.RoleARN, f.OnFailure, nil)
	}
	for _, m := range s.Mappings {
		f, _ := s.Function(m.Function)
		for _, action := range polling {
			out = append(out, Need{"messages for function " + f.Name, f.RoleARN, iam.Request{Action: action, Resource: m.Queue}})
		}
	}
	return out
}

func service(arn string) string {
	parts := strings.SplitN(arn, ":", 4)
	if len(parts) < 4 || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}

// takesPolicies reports whether a resource says itself who may send to it.
func takesPolicies(arn string) bool {
	switch service(arn) {
	case "lambda", "sqs", "sns":
		return true
	}
	return false
}

// Check gives an error when something is missing in a template that AWS needs.
func (s *Stack) Check() error {
	if err := s.checkTrust(); err != nil {
		return err
	}
	for _, n := range s.Needs() {
		if err := s.mayBe(n); err != nil {
			return fmt.Errorf("%s: %s can't be delivered: %w", s.Path, n.For, err)
		}
	}
	return nil
}

// mayBe gives an error when something that is needed is not allowed. A role that is not of the template may do everything.
func (s *Stack) mayBe(n Need) error {
	if n.Role != "" {
		role := s.RoleOf(n.Role)
		if role == nil {
			return nil
		}
		return role.Check("aws", n.Request)
	}
	if iam.DecideFor(s.ResourcePolicies, eventBridge, n.Request) != iam.Allowed {
		return fmt.Errorf("no policy of %s allows %s to %s from %s", n.Request.Resource, n.Request.Action, eventBridge, n.Request.Context["aws:SourceArn"][0])
	}
	return nil
}
