package events

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tag is a tag as the API has it.
type tag struct{ Key, Value string }

// retag adds and takes away tags of a bus or rule, given by ARN.
func (e *Engine) retag(ctx context.Context, arn string, add []tag, remove []string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.taggable(arn); err != nil {
		return err
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	tags := maps.Clone(e.tags[arn])
	if tags == nil {
		tags = map[string]string{}
	}
	for _, t := range add {
		tags[t.Key] = t.Value
	}
	for _, key := range remove {
		delete(tags, key)
	}
	if err := e.store(ctx, "tags/"+arn, tags); err != nil {
		return fmt.Errorf("tag %s: %w", arn, err)
	}
	e.tags[arn] = tags
	return nil
}

// taggable gives an error when there is no bus or rule of an ARN. The caller holds mu.
func (e *Engine) taggable(arn string) error {
	rest, ok := strings.CutPrefix(arn, e.arn("rule/"))
	if ok {
		bus, name, onBus := strings.Cut(rest, "/")
		if !onBus {
			bus, name = DefaultBus, rest
		}
		_, _, err := e.find(bus, name)
		return err
	}
	name, ok := strings.CutPrefix(arn, e.arn("event-bus/"))
	switch {
	case !ok:
		return invalid("Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format.")
	case e.buses[name] == nil:
		return noBus(name)
	}
	return nil
}

func apiTag(ctx context.Context, e *Engine, in struct {
	ResourceARN string
	Tags        []tag
},
) (any, error) {
	return nil, e.retag(ctx, in.ResourceARN, in.Tags, nil)
}

func apiUntag(ctx context.Context, e *Engine, in struct {
	ResourceARN string
	TagKeys     []string
},
) (any, error) {
	return nil, e.retag(ctx, in.ResourceARN, nil, in.TagKeys)
}

func apiTags(_ context.Context, e *Engine, in struct{ ResourceARN string }) (any, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.taggable(in.ResourceARN); err != nil {
		return nil, err
	}
	out := struct{ Tags []tag }{[]tag{}}
	tags := e.tags[in.ResourceARN]
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, tag{key, tags[key]})
	}
	return out, nil
}
