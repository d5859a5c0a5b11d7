package action

import (
	"strings"

	"opsflow/shared/local/iam"
)

const eventsARN = "arn:aws:events:" + place + ":"

// PutEvents is the permission to put events on a bus.
const PutEvents = "events:PutEvents"

// Put is what events of those sources need on a bus, given by its name or its ARN; "" is the default bus.
func Put(bus string, sources ...string) iam.Request {
	if bus == "" {
		bus = "default"
	}
	return iam.Request{Action: PutEvents, Resource: arn(eventsARN+"event-bus/", bus), Context: map[string][]string{"events:source": sources}}
}

// nouns are what operations of EventBridge end with, with the member that names one.
var nouns = []struct{ noun, kind, member string }{
	{"EventBus", "event-bus/", "Name"},
	{"Permission", "event-bus/", "EventBusName"},
	{"Archive", "archive/", "ArchiveName"},
	{"Replay", "replay/", "ReplayName"},
	{"Connection", "connection/", "Name"},
	{"ApiDestination", "api-destination/", "Name"},
}

// buses are the operations of EventBridge.
func buses(_ Reader, operation string, in object) []iam.Request {
	action := "events:" + operation
	if operation == "PutEvents" {
		var out []iam.Request
		for _, e := range in.list("Entries") {
			out = append(out, Put(e.text("EventBusName"), e.text("Source")))
		}
		return orAnything(out, action)
	}
	for _, n := range nouns {
		if strings.HasSuffix(operation, n.noun) {
			return on(action, arn(eventsARN+n.kind, in.text(n.member)))
		}
	}
	rule := in.first("Rule", "Name")
	if rule == "" {
		return on(action, arn("", in.first("ResourceARN", "EventSourceArn")))
	}
	bus := in.text("EventBusName")
	if bus = bus[strings.LastIndexByte(bus, '/')+1:]; bus != "" && bus != "default" {
		rule = bus + "/" + rule
	}
	roles := []string{in.text("RoleArn")}
	for _, t := range in.list("Targets") {
		roles = append(roles, t.text("RoleArn"))
	}
	return passing(on(action, eventsARN+"rule/"+rule), "events", roles...)
}
