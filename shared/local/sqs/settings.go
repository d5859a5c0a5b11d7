package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.etcd.io/bbolt"
)

// settings are what somebody set of a queue. Times are Unix seconds.
type settings struct {
	Given    map[string]string `json:"given,omitempty"` // attributes
	Tags     map[string]string `json:"tags,omitempty"`
	Created  int64             `json:"created"`
	Modified int64             `json:"modified"`
}

func (s *settings) save(tx *bbolt.Tx, name string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketSettings).Put([]byte(name), text)
}

// attribute says what may be set as an attribute of a queue.
type attribute struct {
	otherwise string // the default; "": it is not shown unless it is set
	valid     func(string) bool
	fifo      bool // of FIFO queues only
}

func within(low, high int) func(string) bool {
	return func(s string) bool {
		n, err := strconv.Atoi(s)
		return err == nil && n >= low && n <= high
	}
}

func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}

func document(s string) bool { return s == "" || json.Valid([]byte(s)) }

func anything(string) bool { return true }

// The attributes that are read here.
const (
	delaySeconds      = "DelaySeconds"
	maximumSize       = "MaximumMessageSize"
	retentionPeriod   = "MessageRetentionPeriod"
	receiveWait       = "ReceiveMessageWaitTimeSeconds"
	visibilityTimeout = "VisibilityTimeout"
	redrivePolicy     = "RedrivePolicy"
	contentBased      = "ContentBasedDeduplication"
)

// settable are the attributes that SetQueueAttributes and CreateQueue take, with AWS's limits and defaults.
var settable = map[string]attribute{
	delaySeconds:                   {"0", within(0, maxDelay), false},
	maximumSize:                    {strconv.Itoa(maxBody), within(1024, maxBody), false},
	retentionPeriod:                {"345600", within(60, 1_209_600), false},
	receiveWait:                    {"0", within(0, maxWait), false},
	visibilityTimeout:              {"30", within(0, maxVisibility), false},
	redrivePolicy:                  {"", document, false},
	"RedriveAllowPolicy":           {"", document, false},
	"Policy":                       {"", document, false},
	"KmsMasterKeyId":               {"", anything, false},
	"KmsDataKeyReusePeriodSeconds": {"", within(60, 86_400), false},
	"SqsManagedSseEnabled":         {"true", oneOf("true", "false"), false},
	"FifoQueue":                    {"", oneOf("true"), true},
	contentBased:                   {"false", oneOf("true", "false"), true},
	"DeduplicationScope":           {"queue", oneOf("queue", "messageGroup"), true},
	"FifoThroughputLimit":          {"perQueue", oneOf("perQueue", "perMessageGroupId"), true},
}

// text is the value of an attribute.
func (s *settings) text(name string) string {
	if v, ok := s.Given[name]; ok {
		return v
	}
	return settable[name].otherwise
}

// number is the value of an attribute that is a number.
func (s *settings) number(name string) int {
	n, _ := strconv.Atoi(s.text(name)) // was checked when it was set
	return n
}

// same refuses other values than a queue that exists has.
func (s *settings) same(attributes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if s.text(name) != attributes[name] {
			return &Error{"QueueNameExists", "A queue already exists with the same name and a different value for attribute " + name}
		}
	}
	return nil
}

// change sets attributes, all or none. An empty value of a policy takes it away.
func (q *Queues) change(tx *bbolt.Tx, s *settings, attributes map[string]string, fifo bool) error {
	given := maps.Clone(s.Given)
	if given == nil {
		given = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		a, ok := settable[name]
		switch {
		case !ok || a.fifo && !fifo:
			return &Error{"InvalidAttributeName", "Unknown Attribute " + name + "."}
		case !a.valid(value):
			return &Error{"InvalidAttributeValue", "Invalid value for the parameter " + name + "."}
		case name == redrivePolicy && value != "":
			if err := q.checkRedrive(tx, value, fifo); err != nil {
				return err
			}
		}
		given[name] = value
		if value == "" {
			delete(given, name)
		}
	}
	s.Given = given
	return nil
}

// redrive is a redrive policy: after how many times of being received a message goes where.
type redrive struct {
	Target string      `json:"deadLetterTargetArn"`
	Max    json.Number `json:"maxReceiveCount"`
}

func (q *Queues) checkRedrive(tx *bbolt.Tx, policy string, fifo bool) error {
	refuse := func(format string, args ...any) error {
		return invalid("Value %s for parameter RedrivePolicy is invalid. Reason: %s", policy, fmt.Sprintf(format, args...))
	}
	var r redrive
	if json.Unmarshal([]byte(policy), &r) != nil {
		return refuse("Redrive policy is not a valid JSON map.")
	}
	for _, part := range [][2]string{{"deadLetterTargetArn", r.Target}, {"maxReceiveCount", r.Max.String()}} {
		if part[1] == "" {
			return refuse("Redrive policy does not contain mandatory attribute: %s.", part[0])
		}
	}
	if n, err := strconv.Atoi(r.Max.String()); err != nil || n < 1 || n > 1000 {
		return refuse("Invalid value for maxReceiveCount: %s, valid values are from 1 to 1000 both inclusive.", r.Max)
	}
	target, err := q.open(tx, r.Target)
	if err != nil {
		return refuse("Dead letter target does not exist.")
	}
	if target.fifo() != fifo {
		return refuse("Dead-letter queue must be same type of queue as the source.")
	}
	return nil
}

// redrive gives the queue's policy; most is 0 when it has none.
func (s *settings) redrive() (target string, most int) {
	var r redrive
	if json.Unmarshal([]byte(s.Given[redrivePolicy]), &r) != nil {
		return "", 0
	}
	most, _ = strconv.Atoi(r.Max.String()) // was checked when it was set
	return r.Target, most
}

// errUnchanged ends a transaction in which there is nothing to write.
var errUnchanged = errors.New("unchanged")

// SetAttributes changes attributes of a queue, all of those given or none.
func (q *Queues) SetAttributes(ctx context.Context, queue string, attributes map[string]string) error {
	err := q.update(ctx, queue, func(tx *bbolt.Tx, o *opened) error {
		if v, ok := attributes["FifoQueue"]; ok && v != o.settings.Given["FifoQueue"] {
			return &Error{"InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."}
		}
		before := o.settings.Given
		if err := q.change(tx, &o.settings, attributes, o.fifo()); err != nil {
			return err
		}
		if maps.Equal(before, o.settings.Given) {
			return errUnchanged
		}
		o.settings.Modified = q.o.Clock.Now().Unix()
		return o.settings.save(tx, o.name)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		q.Wake(queue) // a shorter retention, or another redrive policy
	}
	return err
}

// attributes gives those of a queue's attributes that are asked for by name; All is each of them.
func (q *Queues) attributes(ctx context.Context, queue string, names []string) (map[string]string, error) {
	all := map[string]string{}
	now := q.o.Clock.Now()
	err := q.view(ctx, queue, func(_ *bbolt.Tx, o *opened) error {
		for name, a := range settable {
			if v := o.settings.text(name); v != "" && (!a.fifo || o.fifo()) {
				all[name] = v
			}
		}
		n, err := o.count(now)
		if err != nil {
			return err
		}
		all["QueueArn"] = q.arn(o.name)
		all["CreatedTimestamp"] = strconv.FormatInt(o.settings.Created, 10)
		all["LastModifiedTimestamp"] = strconv.FormatInt(o.settings.Modified, 10)
		all["ApproximateNumberOfMessages"] = strconv.Itoa(n.visible)
		all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(n.hidden)
		all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(n.delayed)
		return nil
	})
	if err != nil || slices.Contains(names, "All") {
		return all, err
	}
	asked := map[string]string{}
	for _, name := range names {
		v, ok := all[name]
		if !ok && settable[name].valid == nil {
			return nil, &Error{"InvalidAttributeName", "Unknown Attribute " + name + "."}
		}
		if ok {
			asked[name] = v
		}
	}
	return asked, nil
}

// sourcesOf gives the URLs of the queues whose dead letters go to a queue.
func (q *Queues) sourcesOf(ctx context.Context, queue string) ([]string, error) {
	urls := []string{}
	err := q.view(ctx, queue, func(tx *bbolt.Tx, target *opened) error {
		return tx.Bucket(bucketSettings).ForEach(func(name, _ []byte) error {
			o, err := q.open(tx, string(name))
			if err != nil {
				return err
			}
			if arn, most := o.settings.redrive(); most > 0 && nameIn(arn) == target.name {
				urls = append(urls, q.url(o.name))
			}
			return nil
		})
	})
	return urls, err
}

// retag changes a queue's tags.
func (q *Queues) retag(ctx context.Context, queue string, change func(tags map[string]string)) error {
	return q.update(ctx, queue, func(tx *bbolt.Tx, o *opened) error {
		if o.settings.Tags == nil {
			o.settings.Tags = map[string]string{}
		}
		change(o.settings.Tags)
		return o.settings.save(tx, o.name)
	})
}
