// Command deliver-notification delivers requested notifications.
package main

import (
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"opsflow/shared/aws/env"
	"opsflow/shared/aws/parts"
	"opsflow/shared/aws/ses"
	"opsflow/shared/aws/sns"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
)

func main() {
	e := env.MustLoad(env.Table)
	secret, err := notify.ParseSecret(e.WebhookSecret)
	if err != nil {
		env.Fatal(err)
	}
	clock, client := ops.SystemClock{}, &http.Client{Timeout: 10 * time.Second}
	c := notify.Config{Store: parts.Store(e), Clock: clock, Webhook: e.Webhook, Secret: secret, Client: client}
	if e.EmailFrom != "" {
		c.Email = ses.New(e.AWS(), e.EmailFrom, client, clock.Now)
	}
	if e.SMS {
		c.SMS = sns.New(e.AWS(), client, clock.Now)
	}
	lambda.Start(notify.New(c).HandleEvent)
}
