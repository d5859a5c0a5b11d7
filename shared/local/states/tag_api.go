package states

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// Tag is a tag of a state machine or an activity.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// maxTags is how many tags a resource may have.
const maxTags = 50

// What keys of bucketTags begin with.
const (
	machineTags  = "stateMachine:"
	activityTags = "activity:"
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func checkTags(tags []Tag) error {
	if len(tags) > maxTags {
		return apiError("TooManyTags", "A resource has at most %d tags", maxTags)
	}
	for _, t := range tags {
		switch key, value := len([]rune(t.Key)), len([]rune(t.Value)); {
		case key < 1 || key > 128:
			return invalid("A tag's key must have from 1 to 128 characters, got %d", key)
		case value > 256:
			return invalid("The value of the tag %s must have at most 256 characters, got %d", t.Key, value)
		case !tagText.MatchString(t.Key) || !tagText.MatchString(t.Value):
			return invalid("The tag %s may only have letters, digits, white space and _ . : / = + - @", t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalid("The tag %s begins with aws:, which is AWS's own", t.Key)
		}
	}
	return nil
}

// tagEntries writes the tags of a resource.
func tagEntries(key string, tags []Tag) []entry {
	if len(tags) == 0 {
		return []entry{{bucketTags, []byte(key), nil}}
	}
	return []entry{{bucketTags, []byte(key), mustJSON(tags)}}
}

// tagged reads the tags of the state machine or activity of an ARN. Errors: InvalidArn, ResourceNotFound.
func tagged(tx *bbolt.Tx, arn string) (key string, tags []Tag, err error) {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) < 7 || parts[2] != "states" {
		return "", nil, apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	var bucket []byte
	switch parts[5] {
	case "stateMachine":
		key, bucket = machineTags+parts[6], bucketMachines
	case "activity":
		key, bucket = activityTags+parts[6], bucketActivities
	default:
		return "", nil, apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	if tx.Bucket(bucket).Get([]byte(parts[6])) == nil {
		return "", nil, apiError("ResourceNotFound", "Resource not found: '%s'", arn)
	}
	all, err := read[[]Tag](tx, bucketTags, []byte(key))
	if all != nil {
		tags = *all
	}
	return key, tags, err
}

// TagResource adds tags to a state machine or an activity, or changes their values. Errors: InvalidArn, ResourceNotFound,
// TooManyTags.
func (e *Engine) TagResource(ctx context.Context, arn string, add []Tag) error {
	if err := checkTags(add); err != nil {
		return err
	}
	return e.db.Update(ctx, func(tx *bbolt.Tx) error {
		key, tags, err := tagged(tx, arn)
		if err != nil {
			return err
		}
		for _, t := range add {
			if i := slices.IndexFunc(tags, func(old Tag) bool { return old.Key == t.Key }); i >= 0 {
				tags[i] = t
			} else {
				tags = append(tags, t)
			}
		}
		if err := checkTags(tags); err != nil {
			return err
		}
		return put(tx, tagEntries(key, tags))
	})
}

// UntagResource removes tags by their keys. Errors: InvalidArn, ResourceNotFound.
func (e *Engine) UntagResource(ctx context.Context, arn string, keys []string) error {
	return e.db.Update(ctx, func(tx *bbolt.Tx) error {
		key, tags, err := tagged(tx, arn)
		if err != nil {
			return err
		}
		return put(tx, tagEntries(key, slices.DeleteFunc(tags, func(t Tag) bool { return slices.Contains(keys, t.Key) })))
	})
}

// ListTagsForResource gives the tags of a state machine or an activity. Errors: InvalidArn, ResourceNotFound.
func (e *Engine) ListTagsForResource(ctx context.Context, arn string) (tags []Tag, err error) {
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		_, tags, err = tagged(tx, arn)
		return err
	})
	return tags, err
}
