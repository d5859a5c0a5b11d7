package httpapi

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// tags are the parts of the API in the order in which a reader needs them, each with the first names of its paths.
var tags = []struct {
	name, description string
	paths             []string
}{
	{"Workflows", "Work of several steps: start it, follow it, pause, resume, cancel and retry it.", []string{"workflows"}},
	{"Tasks", "People's part of workflows, approvals and vendors' offers among them.", []string{"tasks"}},
	{"Templates", "What workflows are made from, in versions.", []string{"templates"}},
	{"Rules", "What decides on events: their versions, decisions, actions put off, and the kill switch.", []string{"rules", "actions"}},
	{"Backtests", "What a rule would have made of stored events; nothing is started.", []string{"backtests"}},
	{"Events", "What happened, with the decisions of every rule; putting events on the bus, and replaying them.", []string{"events"}},
	{"Alerts", "What somebody has to look at.", []string{"alerts"}},
	{"Vendors", "Who performs services: their scores, metrics and ranking.", []string{"vendors"}},
	{"Members", "The people that work is given to.", []string{"members"}},
	{"Notifications", "What was sent to people, and how it went.", []string{"notifications"}},
	{"Undelivered", "Events that could not be delivered, each with its reason.", []string{"undelivered"}},
	{"Bulk", "One thing done to many records.", []string{"bulk"}},
	{"Timelines", "What customers may see of their booking.", []string{"bookings", "timeline"}},
	{"Connections", "The systems outside that steps call.", []string{"connections"}},
	{"Audit", "Who changed what, and finding anything by its id.", []string{"audit", "find"}},
	{"Schemas", "The JSON Schemas of events and templates.", []string{"schemas"}},
}

func documentTags() []*huma.Tag {
	all := make([]*huma.Tag, len(tags))
	for i, t := range tags {
		all[i] = &huma.Tag{Name: t.name, Description: t.description}
	}
	return all
}

// tagsOf are the tags of the operations at a path like /v1/tasks/{id}.
func tagsOf(path string) []string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	for _, t := range tags {
		for _, p := range t.paths {
			if p == first {
				return []string{t.name}
			}
		}
	}
	return nil
}
