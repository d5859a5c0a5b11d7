package events

import (
	"context"
	"encoding/json"
	"strings"

	"opsflow/shared/local/epoch"
	"opsflow/shared/local/events/pattern"
)

// operations is the API by operation name.
func operations() map[string]operation {
	return map[string]operation{
		"PutEvents":        typed(apiPutEvents),
		"TestEventPattern": typed(apiTestPattern),

		"CreateEventBus":   typed(apiCreateBus),
		"DescribeEventBus": typed(apiDescribeBus),
		"ListEventBuses":   typed(apiListBuses),
		"DeleteEventBus":   typed(apiDeleteBus),
		"UpdateEventBus":   typed(apiUpdateBus),
		"PutPermission":    typed(apiPutPermission),
		"RemovePermission": typed(apiRemovePermission),

		"TagResource":         typed(apiTag),
		"UntagResource":       typed(apiUntag),
		"ListTagsForResource": typed(apiTags),

		"PutRule":               typed(apiPutRule),
		"DescribeRule":          typed(apiDescribeRule),
		"ListRules":             typed(apiListRules),
		"ListRuleNamesByTarget": typed(apiListRuleNames),
		"DeleteRule":            typed(apiDeleteRule),
		"EnableRule":            typed(apiEnableRule),
		"DisableRule":           typed(apiDisableRule),
		"PutTargets":            typed(apiPutTargets),
		"RemoveTargets":         typed(apiRemoveTargets),
		"ListTargetsByRule":     typed(apiListTargets),

		"CreateConnection":      typed(apiCreateConnection),
		"UpdateConnection":      typed(apiUpdateConnection),
		"DeauthorizeConnection": typed(apiDeauthorizeConnection),
		"DescribeConnection":    typed(apiDescribeConnection),
		"ListConnections":       typed(apiListConnections),
		"DeleteConnection":      typed(apiDeleteConnection),

		"CreateApiDestination":   typed(apiCreateDestination),
		"UpdateApiDestination":   typed(apiUpdateDestination),
		"DescribeApiDestination": typed(apiDescribeDestination),
		"ListApiDestinations":    typed(apiListDestinations),
		"DeleteApiDestination":   typed(apiDeleteDestination),

		"CreateArchive":   typed(apiCreateArchive),
		"UpdateArchive":   typed(apiUpdateArchive),
		"DescribeArchive": typed(apiDescribeArchive),
		"ListArchives":    typed(apiListArchives),
		"DeleteArchive":   typed(apiDeleteArchive),
		"StartReplay":     typed(apiStartReplay),
		"DescribeReplay":  typed(apiDescribeReplay),
		"ListReplays":     typed(apiListReplays),
		"CancelReplay":    typed(apiCancelReplay),
	}
}

func apiPutEvents(ctx context.Context, e *Engine, in struct {
	Entries []struct {
		Time         epoch.Time
		Source       string
		Resources    []string
		DetailType   string
		Detail       string
		EventBusName string
	}
},
) (any, error) {
	entries := make([]Entry, len(in.Entries))
	for i, en := range in.Entries {
		entries[i] = Entry{
			Source: en.Source, DetailType: en.DetailType, Detail: en.Detail, EventBusName: en.EventBusName,
			Resources: en.Resources, Time: en.Time.Std(),
		}
	}
	results, err := e.Put(ctx, entries)
	if err != nil {
		return nil, err
	}
	type entry struct {
		EventID      string `json:"EventId,omitempty"`
		ErrorCode    string `json:",omitempty"`
		ErrorMessage string `json:",omitempty"`
	}
	out := struct {
		FailedEntryCount int
		Entries          []entry
	}{Entries: make([]entry, len(results))}
	for i, r := range results {
		out.Entries[i] = entry(r)
		if r.ErrorCode != "" {
			out.FailedEntryCount++
		}
	}
	return out, nil
}

func apiTestPattern(_ context.Context, _ *Engine, in struct{ EventPattern, Event string }) (any, error) {
	p, err := compilePattern(in.EventPattern)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(in.Event), &fields) != nil || fields == nil {
		return nil, invalid("Parameter Event is not valid. Reason: it must be a JSON object.")
	}
	for _, required := range []string{"id", "account", "source", "time", "region", "detail-type"} {
		if _, ok := fields[required]; !ok {
			return nil, invalid("Parameter Event is not valid. Reason: it must have the field %s.", required)
		}
	}
	event, err := pattern.ParseEvent([]byte(in.Event))
	if err != nil {
		return nil, invalid("Parameter Event is not valid.")
	}
	return map[string]bool{"Result": p.MatchEvent(event)}, nil
}

type busOut struct {
	Name string
	Arn  string
	Settings
	Policy           string     `json:",omitempty"`
	CreationTime     epoch.Time `json:",omitzero"`
	LastModifiedTime epoch.Time `json:",omitzero"`
}

func showBus(b Bus) busOut {
	return busOut{b.Name, b.ARN, b.Settings, b.Policy, epoch.Time(b.Created), epoch.Time(b.Modified)}
}

func apiCreateBus(ctx context.Context, e *Engine, in struct {
	Name string
	Settings
	Tags []tag
},
) (any, error) {
	b, err := e.CreateBus(ctx, in.Name, in.Settings)
	if err != nil {
		return nil, err
	}
	if err := e.retag(ctx, b.ARN, in.Tags, nil); err != nil {
		return nil, err
	}
	return struct {
		EventBusArn string
		Settings
	}{b.ARN, b.Settings}, nil
}

func apiUpdateBus(ctx context.Context, e *Engine, in struct {
	Name string
	Settings
},
) (any, error) {
	b, err := e.changeBus(ctx, in.Name, func(b *Bus) error {
		b.Settings = in.Settings
		return nil
	})
	if err != nil {
		return nil, err
	}
	return struct {
		Arn, Name string
		Settings
	}{b.ARN, b.Name, b.Settings}, nil
}

func apiDescribeBus(_ context.Context, e *Engine, in struct{ Name string }) (any, error) {
	b, err := e.Bus(in.Name)
	if err != nil {
		return nil, err
	}
	return showBus(b), nil
}

// listing is what all lists take.
type listing struct {
	NamePrefix string
	Limit      int
	NextToken  string
}

func apiListBuses(_ context.Context, e *Engine, in listing) (any, error) {
	var matching []busOut
	for _, b := range e.Buses() {
		if strings.HasPrefix(b.Name, in.NamePrefix) {
			matching = append(matching, showBus(b))
		}
	}
	part, next, err := page(matching, func(b *busOut) string { return b.Name }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		EventBuses []busOut
		NextToken  string `json:",omitempty"`
	}{part, next}, nil
}

func apiDeleteBus(ctx context.Context, e *Engine, in struct{ Name string }) (any, error) {
	return nil, e.DeleteBus(ctx, in.Name)
}
