// Package parts makes a function's ports on AWS from its environment. Clients are made by hand and connect when they are
// first used, so that a function starts cold in a few milliseconds.
package parts

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/eventbridge"
	"opsflow/shared/aws/secrets"
	"opsflow/shared/aws/sfn"
	"opsflow/shared/connection"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/wire"
	"opsflow/shared/workflow"
)

// New makes the ports of a function that has the needs env.Table, env.Bus and env.Machines.
func New(e env.Env) wire.Parts {
	clock := ops.SystemClock{}
	return wire.Parts{
		Store:      Store(e),
		Executions: sfn.New(e.AWS(), e.MachineRole),
		Bus:        Bus(e),
		Clock:      clock, Random: rand.Reader, Logger: env.Logger(), Calendar: e.Calendar,
		MachinePrefix: e.MachinePrefix,
		Functions:     workflow.Functions{RunSteps: e.RunSteps, OpenTask: e.OpenTask, RecordOutcome: e.RecordOutcome},
	}
}

// Caller makes what calls systems outside; it needs env.Secrets.
func Caller(e env.Env) *connection.Caller {
	clock := ops.SystemClock{}
	c := e.AWS()
	return &connection.Caller{
		Secrets: secrets.New(c, e.SecretPrefix, &http.Client{Timeout: secretTimeout}, clock.Now), Clock: clock, Private: e.PrivateCalls,
	}
}

// secretTimeout is how long reading a secret may take.
const secretTimeout = 3 * time.Second

// Store makes the store; it needs env.Table.
func Store(e env.Env) *store.Store {
	now := ops.SystemClock{}.Now
	return store.New(dynamo.New(dynamodb.NewFromConfig(e.AWS()), e.Table, store.Indexes(), now), rand.Reader, now)
}

// Bus makes the bus; it needs env.Bus.
func Bus(e env.Env) *eventbridge.Client { return eventbridge.New(e.AWS(), e.Bus, ops.SystemClock{}) }
