package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/faults"
)

type devCommand struct {
	AWSPort        int    `default:"4566" env:"OPSFLOW_AWS_PORT" help:"Port of the AWS endpoint; 0 lets the system choose."`
	APIPort        int    `default:"3000" env:"OPSFLOW_API_PORT" help:"Port of the HTTP API; 0 lets the system choose."`
	Host           string `default:"127.0.0.1" help:"Address to listen on."`
	Data           string `default:".opsflow" env:"OPSFLOW_DATA" type:"path" help:"Folder that keeps everything, executions in flight included."`
	Memory         bool   `help:"Keep nothing on disk; forget everything at the end."`
	Clock          string `default:"real" enum:"real,virtual" help:"real, or virtual: time stands still. POST /dev/clock moves both on."`
	Table          string `placeholder:"URL" help:"Use the DynamoDB at this endpoint instead of the embedded table."`
	Watch          bool   `help:"Have what is saved hold at once: the template, the state machines, the built-in templates and rules, and the code."`
	Processes      bool   `help:"Build the functions and run their real bootstraps instead of the handlers in process."`
	LambdaEndpoint string `placeholder:"URL" help:"Ask the Lambda endpoint at this URL for functions that are not in the template."`
	PrivateCalls   bool   `help:"Let connections lead to this machine and its network, also by plain HTTP: to try api_call steps."`
	Faults         string `type:"existingfile" placeholder:"FILE" help:"Let calls to AWS go wrong as this JSON file says: see the README. POST /dev/faults sets others."`
	Quotas         bool   `help:"Hold requests to AWS's default quotas: who asks too often is throttled."`
	Demo           bool   `default:"true" negatable:"" help:"Load a small set of vendors to try things with."`
	Template       string `default:"template.yaml" type:"path" help:"The SAM template that says what runs."`
	Verbose        bool   `short:"v" help:"Show what functions say, and the runtime's own log, on stderr."`
}

// Run serves until it is told to stop.
func (d *devCommand) Run(ctx context.Context, std streams) error {
	level := slog.LevelWarn
	if d.Verbose {
		level = slog.LevelDebug
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(local.GCPercent)
	}
	o := local.Options{
		AWSAddr:        net.JoinHostPort(d.Host, strconv.Itoa(d.AWSPort)),
		APIAddr:        net.JoinHostPort(d.Host, strconv.Itoa(d.APIPort)),
		Data:           d.Data,
		Clock:          clock.Real(),
		TableURL:       d.Table,
		Processes:      d.Processes,
		LambdaEndpoint: d.LambdaEndpoint,
		PrivateCalls:   d.PrivateCalls,
		Quotas:         d.Quotas,
		Demo:           d.Demo,
		DemoPast:       d.Demo,
		Template:       d.Template,
		Logger:         slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: level})),
		Progress:       std.err,
	}
	if d.Verbose {
		o.Echo = std.err
	}
	if d.Memory {
		o.Data = ""
	}
	if d.Clock == "virtual" {
		o.Clock = clock.Virtual(time.Now())
	}
	if d.Faults != "" {
		text, err := os.ReadFile(d.Faults)
		if err != nil {
			return fmt.Errorf("read the faults: %w", err)
		}
		if o.Faults, err = faults.Parse(text); err != nil {
			return err
		}
	}
	rt, err := local.Start(ctx, o)
	if err != nil {
		return err
	}
	restart := make(chan string, 1)
	if d.Watch {
		if err := rt.Watch(ctx, d.renewable(restart)); err != nil {
			return errors.Join(err, rt.Close())
		}
	}
	announce(std.out, rt)
	running, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { rt.GiveBackMemory(running) })
	defer beside.Wait()
	defer stop()
	select {
	case <-ctx.Done():
		return rt.Close()
	case binary := <-restart:
		return d.renew(rt, binary)
	}
}

// renewable gives what has the program go on as another; nil: it would forget everything.
func (d *devCommand) renewable(restart chan<- string) func(string) {
	if d.Memory {
		return nil
	}
	return func(binary string) {
		select {
		case restart <- binary:
		default: // it is about to
		}
	}
}

// renew has another program go on in this process, at the same addresses and with the same data.
func (d *devCommand) renew(rt *local.Runtime, binary string) error {
	args := slices.Clone(os.Args)
	port := func(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }
	if d.AWSPort == 0 { // the last of a flag counts
		args = append(args, "--aws-port="+port(rt.AWSURL()))
	}
	if d.APIPort == 0 {
		args = append(args, "--api-port="+port(rt.APIURL()))
	}
	if err := rt.Close(); err != nil {
		return err
	}
	return syscall.Exec(binary, args, os.Environ()) //nolint:gosec // built from the developer's own source
}

// announce prints where everything is and what to try next.
func announce(w io.Writer, rt *local.Runtime) {
	kept := rt.DataDir()
	if kept == "" {
		kept = "in memory: forgotten at the end"
	}
	time := "real"
	if rt.Clock().IsVirtual() {
		time = "virtual"
	}
	time += `: curl -X POST ` + rt.APIURL() + `/dev/clock -d '{"advance":"24h"}' moves it on`
	fmt.Fprintf(w, `opsflow is ready (%[1]s)

  AWS endpoint  %[2]s   (any credentials, region us-east-1, bus opsflow)
  console       %[3]s/   (sign in as operations, finance, admin, ...: no password here)
  API           %[3]s/v1
  data          %[4]s
  table         %[5]s
  clock         %[6]s
  identities    operations, vendor_management, quality_assurance, finance, admin
                (a token: curl '%[3]s/dev/token?user=ada&groups=admin')
  messages      %[3]s/dev/outbox

Try next, in another terminal:

  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url %[2]s events put-events --entries '[{"EventBusName":"opsflow","Source":"booking",
    "DetailType":"booking_created","Detail":"{\"booking_id\":\"bk-1\",\"customer_id\":\"cu-1\",\"service_type\":\"cleaning\",\"location\":{\"area\":\"Dubai Marina\"}}"}]'

  TOKEN=$(curl -s '%[3]s/dev/token?user=ada&groups=admin' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer $TOKEN" '%[3]s/v1/workflows?subject=booking/bk-1'

Ctrl-C stops it.
`, rt.ReadyIn().Round(1e6), rt.AWSURL(), rt.APIURL(), kept, rt.TableName(), time)
}
