package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/calendar"
	"opsflow/shared/httpapi"
	"opsflow/shared/httpapi/console"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/stack"
	"opsflow/shared/store"
	"opsflow/shared/task/form"
	"opsflow/shared/timeline"
	"opsflow/shared/wire"
	"opsflow/shared/workflow"
)

func (rt *Runtime) openFunctions(ctx context.Context) error {
	if rt.o.Processes {
		if err := rt.openProcesses(ctx); err != nil {
			return err
		}
	}
	return rt.deployFunctions(ctx)
}

// deployFunctions has functions run as the template, the built-in templates and rules and, with processes, the code are now.
func (rt *Runtime) deployFunctions(ctx context.Context) error {
	if rt.processes != nil {
		return rt.deployProcesses(ctx)
	}
	handlers, err := rt.handlers()
	if err != nil {
		return err
	}
	for _, f := range rt.stack().Functions {
		rt.functions.Register(function(f), rt.metered(f, lambda.Func(handlers[f.Dir].Invoke)))
	}
	return nil
}

// handlers wires the handlers of the template's functions, by their folder below functions/.
func (rt *Runtime) handlers() (map[string]awslambda.Handler, error) {
	api, ok := rt.function("api")
	if !ok {
		return nil, fmt.Errorf("%s has no function built from functions/api", rt.stack().Path)
	}
	steps, ok := rt.function("run-steps")
	if !ok {
		return nil, fmt.Errorf("%s has no function built from functions/run-steps", rt.stack().Path)
	}
	hours, err := calendar.Parse(api.Env["BUSINESS_ZONE"], api.Env["BUSINESS_HOURS"], api.Env["BUSINESS_HOLIDAYS"])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rt.stack().Path, err)
	}
	local := bus{engine: rt.events, name: api.Env["BUS_NAME"], permissions: rt.permissions, border: rt.border}
	links, err := timeline.NewLinks(api.Env["TIMELINE_KEY"])
	if err != nil {
		return nil, err
	}
	own := rt.builtins
	if own == nil {
		own = &builtins{}
	}
	handlers, err := parts{
		Parts: wire.Parts{
			Templates: own.templates, BuiltinRules: own.rules,
			Store:      store.New(rt.guardTable(&remoteTable{rt.table, rt.border}, store.Indexes()), rand.Reader, rt.o.Clock.Now),
			Executions: executions{engine: rt.states, role: api.Env["STATE_MACHINE_ROLE_ARN"], permissions: rt.permissions, border: rt.border}, Bus: local,
			Clock: clock.Invocation{Clock: rt.o.Clock}, Random: rand.Reader, Logger: rt.functionLogger(), Calendar: hours, MachinePrefix: api.Env["STATE_MACHINE_PREFIX"],
			Forms:     form.Checker{},
			Functions: workflow.Functions{RunSteps: api.Env["RUN_STEPS_ARN"], OpenTask: api.Env["OPEN_TASK_ARN"], RecordOutcome: api.Env["RECORD_OUTCOME_ARN"]},
		},
		links:        links,
		bus:          local,
		webhook:      rt.apiURL + "/dev/outbox",
		secretPrefix: steps.Env["SECRET_PREFIX"], private: steps.Env["PRIVATE_CALLS"] == "on",
		aws: aws.Config{
			Region: stack.Region, BaseEndpoint: aws.String(rt.awsURL),
			Credentials: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: rt.permissions.accessKey(ctx), SecretAccessKey: "local"}, nil
			}),
		},
		verifier: httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: rt.apiURL, ClientIDs: []string{ClientID}, HTTPClient: http.DefaultClient, Now: rt.o.Clock.Now}),
		signIn: console.SignIn{
			Issuer: rt.apiURL, ClientID: api.Env["CONSOLE_CLIENT_ID"], SessionKey: api.Env["CONSOLE_SESSION_KEY"], HTTPClient: http.DefaultClient, Now: time.Now,
		},
		local: workbench{rt},
	}.handlers()
	if err != nil {
		return nil, err
	}
	return handlers, checkHandlers(rt.stack(), handlers)
}

// function finds the function that is built from a folder below functions/.
func (rt *Runtime) function(dir string) (stack.Function, bool) {
	for _, f := range rt.stack().Functions {
		if f.Dir == dir {
			return f, true
		}
	}
	return stack.Function{}, false
}
