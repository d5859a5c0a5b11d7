package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"opsflow/shared/ops"
)

// killMachine waits, asks an activity's worker and one who answers task tokens, goes through a list, and puts the event of a
// payment on the bus, whose approval is a task of opsflow's. An activity's task that a worker took and never heard of is lost, as on
// AWS, until its time is over.
const killMachine = `{"StartAt": "Fork", "States": {
	"Fork": {"Type": "Parallel", "ResultPath": "$.fork", "Next": "Each", "Branches": [
		{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": true}}},
		{"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "%s", "End": true,
			"TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 100, "IntervalSeconds": 1, "BackoffRate": 1}]}}},
		{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
			"Parameters": {"QueueUrl": "http://sqs.local/000000000000/asked", "MessageBody": {"token.$": "$$.Task.Token"}}, "End": true}}}]},
	"Each": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.each", "Next": "Pay",
		"ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "Result": 1, "End": true}}}},
	"Pay": {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "ResultPath": null, "End": true, "Parameters": {"Entries": [{
		"EventBusName": "opsflow", "Source": "booking", "DetailType": "payment_received", "Detail": {
			"payment_id.$": "States.Format('pay-{}', $$.Execution.Name)", "booking_id": "bk-1", "amount": 10, "currency": "AED", "method": "card"}}]}}}}`

const killInput = `{"items":[1,2,3]}`

// killLoad is what clients do to a process that is killed now and then, and what they were told.
type killLoad struct {
	ready bool

	mu       sync.Mutex
	closing  bool // nothing more is to be started
	machine  string
	activity string
	next     int
	pending  []string          // names of executions whose start had no answer
	accepted map[string]string // ARNs of the others, by name
	decided  map[string]bool   // tasks whose decision was answered
}

func newKillLoad() *killLoad {
	return &killLoad{accepted: map[string]string{}, decided: map[string]bool{}}
}

// prepare makes what the load needs, on the first process that is ready.
func (l *killLoad) prepare(t *testing.T, s *system) {
	t.Helper()
	client := sfn.NewFromConfig(s.config())
	activity, err := client.CreateActivity(t.Context(), &sfn.CreateActivityInput{Name: aws.String("work")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqs.NewFromConfig(s.config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("asked")}); err != nil {
		t.Fatal(err)
	}
	machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("killed"), RoleArn: aws.String("arn:aws:iam::000000000000:role/any"),
		Definition: aws.String(fmt.Sprintf(killMachine, *activity.ActivityArn)),
	})
	if err != nil {
		t.Fatal(err)
	}
	l.machine, l.activity, l.ready = *machine.StateMachineArn, *activity.ActivityArn, true
}

// run has all clients work until the context ends. The channel is closed when they have ended.
func (l *killLoad) run(ctx context.Context, s *system) <-chan struct{} {
	config := s.config()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	config.HTTPClient = client
	machines, queues := sfn.NewFromConfig(config), sqs.NewFromConfig(config)
	ended := make(chan struct{})
	var all sync.WaitGroup
	for _, job := range []func(context.Context) error{
		func(ctx context.Context) error { return l.start(ctx, machines) },
		func(ctx context.Context) error { return l.start(ctx, machines) },
		func(ctx context.Context) error { return l.work(ctx, machines) },
		func(ctx context.Context) error { return l.answer(ctx, machines, queues) },
		func(ctx context.Context) error { return l.approve(ctx, client, s) },
	} {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := job(ctx); err != nil {
					return // the process has gone
				}
			}
		})
	}
	go func() {
		all.Wait()
		transport.CloseIdleConnections()
		close(ended)
	}()
	return ended
}

// errEnough ends a client that has nothing to do for this process.
var errEnough = errors.New("enough executions run")

// mostRunning is how many executions run at once, at most.
const mostRunning = 12

// start starts one execution: one that had no answer, under its name, or another.
func (l *killLoad) start(ctx context.Context, c *sfn.Client) error {
	name, ok := l.take(ctx, c)
	if !ok {
		return errEnough
	}
	out, err := c.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &l.machine, Name: &name, Input: aws.String(killInput)})
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, exists := errors.AsType[*sfntypes.ExecutionAlreadyExists](err); exists { // it was accepted, and is over
		l.accepted[name] = strings.Replace(l.machine, ":stateMachine:", ":execution:", 1) + ":" + name
		return nil
	}
	if err != nil {
		l.pending = append(l.pending, name)
		return err
	}
	l.accepted[name] = *out.ExecutionArn
	return nil
}

// take gives the name of the next execution; none while enough are running.
func (l *killLoad) take(ctx context.Context, c *sfn.Client) (string, bool) {
	l.mu.Lock()
	if n := len(l.pending); n > 0 {
		name := l.pending[n-1]
		l.pending = l.pending[:n-1]
		l.mu.Unlock()
		return name, true
	}
	closing := l.closing
	l.mu.Unlock()
	if closing {
		return "", false
	}
	list, err := c.ListExecutions(ctx, &sfn.ListExecutionsInput{
		StateMachineArn: &l.machine, StatusFilter: sfntypes.ExecutionStatusRunning, MaxResults: mostRunning,
	})
	if err != nil || len(list.Executions) >= mostRunning {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return fmt.Sprint("run-", l.next), true
}

// work does one task of the activity.
func (l *killLoad) work(ctx context.Context, c *sfn.Client) error {
	task, err := c.GetActivityTask(ctx, &sfn.GetActivityTaskInput{ActivityArn: &l.activity})
	if err != nil || aws.ToString(task.TaskToken) == "" {
		return err
	}
	return succeed(ctx, c, *task.TaskToken, `"worked"`)
}

// succeed answers a token. One that was answered before is fine.
func succeed(ctx context.Context, c *sfn.Client, token, output string) error {
	_, err := c.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: &output})
	if _, over := errors.AsType[*sfntypes.TaskTimedOut](err); over {
		return nil
	}
	if _, over := errors.AsType[*sfntypes.TaskDoesNotExist](err); over {
		return nil
	}
	return err
}

// answer takes a message with a task token, answers the token, and then is done with the message.
func (l *killLoad) answer(ctx context.Context, c *sfn.Client, q *sqs.Client) error {
	url := aws.String("http://sqs.local/000000000000/asked")
	got, err := q.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 1})
	if err != nil {
		return err
	}
	for _, m := range got.Messages {
		var asked struct{ Token string }
		if err := json.Unmarshal([]byte(*m.Body), &asked); err != nil {
			return err
		}
		if err := succeed(ctx, c, asked.Token, `"answered"`); err != nil {
			return err
		}
		if _, err := q.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return err
		}
	}
	return nil
}

// approve decides the open tasks, each always under the same key.
func (l *killLoad) approve(ctx context.Context, c *http.Client, s *system) error {
	call := func(method, path, key, body string) (int, []byte, error) {
		req, err := http.NewRequestWithContext(ctx, method, s.apiURL+path, strings.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		req.Header.Set("Content-Type", "application/json")
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		res, err := c.Do(req)
		if err != nil {
			return 0, nil, err
		}
		text, err := io.ReadAll(res.Body)
		return res.StatusCode, text, errors.Join(err, res.Body.Close())
	}
	_, text, err := call(http.MethodGet, "/v1/tasks?status=open&limit=20", "", "")
	if err != nil {
		return err
	}
	var open struct{ Items []ops.Task }
	if err := json.Unmarshal(text, &open); err != nil {
		return err
	}
	for _, k := range open.Items {
		status, _, err := call(http.MethodPost, "/v1/tasks/"+k.ID+"/complete", k.ID, `{"outcome":"approved"}`)
		if err != nil {
			return err
		}
		if status == http.StatusOK {
			l.mu.Lock()
			l.decided[k.ID] = true
			l.mu.Unlock()
		}
	}
	return nil
}

// names are those of the executions that were accepted.
func (l *killLoad) names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.accepted))
}
