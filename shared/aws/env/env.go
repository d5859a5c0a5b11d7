// Package env reads a function's environment: what template.yaml tells it, and how to reach AWS.
package env

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"opsflow/shared/calendar"
)

// How long a request to AWS may take. DynamoDB, Step Functions and EventBridge answer within milliseconds; each of these is
// far beyond their slowest answers, and well within a function's time.
const (
	connecting   = time.Second
	answering    = 3 * time.Second
	wholeRequest = 5 * time.Second
)

// Need is a group of variables that a function cannot do without.
type Need int

// The needs.
const (
	Table     Need = iota // TABLE_NAME
	Bus                   // BUS_NAME
	Machines              // STATE_MACHINE_PREFIX
	Publish               // STATE_MACHINE_ROLE_ARN, RUN_STEPS_ARN, OPEN_TASK_ARN, RECORD_OUTCOME_ARN
	OIDC                  // OIDC_ISSUER, OIDC_CLIENT_IDS
	Secrets               // SECRET_PREFIX
	needCount             // how many there are
)

// Env is what the environment says. Fields that were not needed may be empty.
type Env struct {
	Region        string             // AWS_REGION
	Table         string             // the table's name
	Bus           string             // the bus's name
	MachinePrefix string             // what the ARN of every state machine begins with
	MachineRole   string             // ARN of the role of state machines made at run time
	RunSteps      string             // ARNs of the functions that those state machines call
	OpenTask      string             //
	RecordOutcome string             //
	OIDCIssuer    string             //
	OIDCClientIDs []string           // whose tokens are accepted
	ConsoleClient string             // the console's own client id; empty: nobody signs in there
	ConsoleKey    string             // what the console's sessions are sealed with; empty: nobody signs in there
	TimelineKey   string             // what customers' links are signed with; empty: there are none
	Webhook       string             // where notifications go; empty: they are only recorded
	WebhookSecret string             // NOTIFY_WEBHOOK_SECRET: signs what goes there
	EmailFrom     string             // NOTIFY_EMAIL_FROM; empty: nobody is told by e-mail
	SMS           bool               // NOTIFY_SMS is "on"
	SecretPrefix  string             // begins the name of each secret of a connection
	PrivateCalls  bool               // PRIVATE_CALLS is "on": connections may lead into our own network
	Calendar      *calendar.Calendar // BUSINESS_ZONE, BUSINESS_HOURS, BUSINESS_HOLIDAYS

	endpoint  string // AWS_ENDPOINT_URL
	accessKey string
	secretKey string
	session   string
}

// Load reads the environment. The error names every variable that is needed and missing or that is wrong, each on a line
// of its own.
func Load(getenv func(string) string, needs ...Need) (Env, error) {
	e := Env{
		Region:        cmp.Or(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")),
		Table:         getenv("TABLE_NAME"),
		Bus:           getenv("BUS_NAME"),
		MachinePrefix: getenv("STATE_MACHINE_PREFIX"),
		MachineRole:   getenv("STATE_MACHINE_ROLE_ARN"),
		RunSteps:      getenv("RUN_STEPS_ARN"),
		OpenTask:      getenv("OPEN_TASK_ARN"),
		RecordOutcome: getenv("RECORD_OUTCOME_ARN"),
		OIDCIssuer:    getenv("OIDC_ISSUER"),
		OIDCClientIDs: split(getenv("OIDC_CLIENT_IDS")),
		ConsoleClient: getenv("CONSOLE_CLIENT_ID"),
		ConsoleKey:    getenv("CONSOLE_SESSION_KEY"),
		TimelineKey:   getenv("TIMELINE_KEY"),
		Webhook:       getenv("NOTIFY_WEBHOOK_URL"),
		WebhookSecret: getenv("NOTIFY_WEBHOOK_SECRET"),
		EmailFrom:     getenv("NOTIFY_EMAIL_FROM"),
		SMS:           getenv("NOTIFY_SMS") == "on",
		SecretPrefix:  getenv("SECRET_PREFIX"),
		PrivateCalls:  getenv("PRIVATE_CALLS") == "on",
		endpoint:      getenv("AWS_ENDPOINT_URL"),
		accessKey:     getenv("AWS_ACCESS_KEY_ID"),
		secretKey:     getenv("AWS_SECRET_ACCESS_KEY"),
		session:       getenv("AWS_SESSION_TOKEN"),
	}
	required := []string{"AWS_REGION"}
	variables := [needCount][]string{
		Table:    {"TABLE_NAME"},
		Bus:      {"BUS_NAME"},
		Machines: {"STATE_MACHINE_PREFIX"},
		Publish:  {"STATE_MACHINE_ROLE_ARN", "RUN_STEPS_ARN", "OPEN_TASK_ARN", "RECORD_OUTCOME_ARN"},
		OIDC:     {"OIDC_ISSUER", "OIDC_CLIENT_IDS"},
		Secrets:  {"SECRET_PREFIX"},
	}
	for _, n := range needs {
		required = append(required, variables[n]...)
	}
	var missing []error
	var err error
	if e.Calendar, err = calendar.Parse(getenv("BUSINESS_ZONE"), getenv("BUSINESS_HOURS"), getenv("BUSINESS_HOLIDAYS")); err != nil {
		missing = append(missing, fmt.Errorf("environment variables BUSINESS_ZONE, BUSINESS_HOURS and BUSINESS_HOLIDAYS: %w", err))
	}
	for _, name := range required {
		if getenv(name) == "" && (name != "AWS_REGION" || e.Region == "") {
			missing = append(missing, fmt.Errorf("environment variable %s is not set", name))
		}
	}
	return e, errors.Join(missing...)
}

// MustLoad is Load of the process's environment for a main: it ends the program with one line of log per missing
// variable.
func MustLoad(needs ...Need) Env {
	e, err := Load(os.Getenv, needs...)
	if err != nil {
		Fatal(err)
	}
	return e
}

// Fatal logs why a function can't start, and ends the process.
func Fatal(err error) {
	Logger().Error("cannot start", "error", err.Error())
	os.Exit(1)
}

// Logger writes JSON lines, as CloudWatch Logs reads them.
func Logger() *slog.Logger { return slog.New(slog.NewJSONHandler(os.Stdout, nil)) }

// AWS is the configuration of AWS clients, built by hand: a Lambda function has its region and credentials in the
// environment, and loading the SDK's whole configuration chain costs start time and binary size. AWS_ENDPOINT_URL sends
// every client to another place (the local runtime, LocalStack).
//
// A request has its bounds in time, so that a connection that went silent costs a try and not the invocation.
func (e Env) AWS() aws.Config {
	c := aws.Config{
		Region:      e.Region,
		HTTPClient:  bounded(connecting, answering, wholeRequest),
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(e.accessKey, e.secretKey, e.session)),
	}
	if e.endpoint != "" {
		c.BaseEndpoint = aws.String(e.endpoint)
	}
	return c
}

func bounded(connecting, answering, whole time.Duration) aws.HTTPClient {
	return awshttp.NewBuildableClient().WithTimeout(whole).
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connecting }).
		WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = answering })
}

func split(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
