// Command deliver-notification delivers requested notifications.
package main

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/aws/env"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table/dynamo"
)

func main() {
	e := env.MustLoad(env.Table)
	clock := ops.SystemClock{}
	st := store.New(dynamo.New(dynamodb.NewFromConfig(e.AWS()), e.Table, store.Indexes(), clock.Now), rand.Reader, clock.Now)
	deliverer := notify.New(notify.Config{
		Store: st, Clock: clock, Webhook: e.Webhook, Client: &http.Client{Timeout: 10 * time.Second},
	})
	lambda.Start(deliverer.HandleEvent)
}
