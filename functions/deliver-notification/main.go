// Command deliver-notification delivers requested notifications.
package main

import (
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
)

func main() {
	e := env.MustLoad(env.Table)
	deliverer := notify.New(notify.Config{
		Store: parts.Store(e), Clock: ops.SystemClock{}, Webhook: e.Webhook, Client: &http.Client{Timeout: 10 * time.Second},
	})
	lambda.Start(deliverer.HandleEvent)
}
