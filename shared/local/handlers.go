package local

import (
	"context"
	"fmt"
	"net/http"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/aws/secrets"
	"opsflow/shared/aws/ses"
	"opsflow/shared/aws/sns"
	"opsflow/shared/connection"
	"opsflow/shared/httpapi"
	"opsflow/shared/httpapi/console"
	"opsflow/shared/local/stack"
	"opsflow/shared/notify"
	"opsflow/shared/timeline"
	"opsflow/shared/wire"
)

// emailFrom is where e-mails come from on this machine.
const emailFrom = "opsflow@opsflow.example"

// parts is what the handlers are wired from: this machine's adapters in the place of AWS's.
type parts struct {
	wire.Parts
	bus     bus
	webhook string // where notifications go
	// secretPrefix begins the name of each secret of a connection, and private says that these may lead into our own network.
	secretPrefix string
	private      bool
	aws          aws.Config // of this machine's AWS endpoint, which takes e-mails and SMS
	verifier     httpapi.Verifier
	signIn       console.SignIn
	links        timeline.Links // customers'
	local        console.Local
}

// handlers gives the handler of each function by its folder below functions/, as the mains there wire them.
func (p parts) handlers() (map[string]awslambda.Handler, error) {
	p.Caller = &connection.Caller{Secrets: secrets.New(p.aws, p.secretPrefix, http.DefaultClient, p.Clock.Now), Clock: p.Clock, Private: p.private}
	flows := p.Workflows()
	rules := p.Rules(flows)
	tasks := p.Tasks()
	bulks := p.Bulk()
	alerts := p.Alerts()
	lost := p.Undelivered(flows, p.bus)
	deliverer := notify.New(notify.Config{
		Store: p.Store, Clock: p.Clock, Webhook: p.webhook, Client: http.DefaultClient,
		Email: ses.New(p.aws, emailFrom, http.DefaultClient, p.Clock.Now), SMS: sns.New(p.aws, http.DefaultClient, p.Clock.Now),
	})
	conf := httpapi.Config{
		Store: p.Store, Records: p.Store, Bus: p.bus, Clock: p.Clock, Calendar: p.Calendar, Random: p.Random, Logger: p.Logger,
		Workflows: flows, Rules: rules, Backtests: p.Backtests(rules), Bulk: bulks, Alerts: alerts,
		Tasks: tasks, Members: tasks, Vendors: p.Scorer(), Notifications: p.Notifications(),
		Undelivered: lost, Timelines: p.links, Verifier: p.verifier,
		Connections: p.Connections(p.private),
	}
	pages, err := console.New(console.Config{Config: conf, API: httpapi.New(conf), SignIn: p.signIn, Local: p.local})
	if err != nil {
		return nil, err
	}
	return map[string]awslambda.Handler{
		"match-rules":          handler{rules.HandleEvent},
		"run-steps":            handler{flows.RunSteps},
		"open-task":            handler{flows.OpenTask},
		"record-outcome":       handler{flows.RecordOutcome},
		"sweep-due":            handler{p.Sweeper().HandleTick},
		"process-bulk":         handler{p.ProcessBulk()},
		"deliver-notification": handler{deliverer.HandleEvent},
		"score-vendor":         handler{p.Scorer().HandleEvent},
		"keep-undelivered":     handler{lost.HandleBatch},
		"api":                  handler{httpapi.LambdaHandler(pages)},
	}, nil
}

// handler is a Lambda handler that can be invoked many times at once. The one that aws-lambda-go makes of a function can
// not: its answer lies in a buffer that the next invocation writes to, which is right where a sandbox runs one at a time.
type handler struct{ function any }

// Invoke runs the function with a handler of its own.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return awslambda.NewHandler(h.function).Invoke(ctx, payload)
}

// checkHandlers makes sure that every function of the template can be run in process.
func checkHandlers(s *stack.Stack, handlers map[string]awslambda.Handler) error {
	for _, f := range s.Functions {
		if handlers[f.Dir] == nil {
			return fmt.Errorf("%s: function %s is built from functions/%s, which has no handler in this program", s.Path, f.LogicalID, f.Dir)
		}
	}
	return nil
}
