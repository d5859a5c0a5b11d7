// Command opsflow is the command line of opsflow: the local runtime and, on it or on AWS, the operator's tool.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	API   string `name:"api" default:"http://127.0.0.1:3000" env:"OPSFLOW_API" placeholder:"URL" help:"The HTTP API that commands speak to (default ${default})."`
	Token string `env:"OPSFLOW_TOKEN" help:"Access token for it; without one, an API on this machine is asked for its admin's."`
	JSON  bool   `name:"json" help:"Print one JSON document instead of tables, and of an error its problem document (RFC 9457)."`

	Dev         devCommand          `cmd:"" help:"Run the whole system on this machine: AWS endpoint, API, rules and workflows in one process."`
	Workflows   workflowCommands    `cmd:"" aliases:"wf" help:"Start and follow workflows."`
	Tasks       taskCommands        `cmd:"" help:"Do people's part of workflows."`
	Members     memberCommands      `cmd:"" help:"List the people that work is given to."`
	Events      eventCommands       `cmd:"" help:"Put events on the bus, and see what rules made of them."`
	Rules       ruleCommands        `cmd:"" help:"List and add rules."`
	Templates   templateCommands    `cmd:"" help:"List, check, compile and add the templates of workflows."`
	Connections connectionCommands  `cmd:"" help:"List and add the systems outside that steps may call."`
	Alerts      alertCommands       `cmd:"" help:"List alerts, and take care of them."`
	Undelivered undeliveredCommands `cmd:"" help:"List the events that could not be delivered, and send them again."`
	Bulk        bulkCommands        `cmd:"" help:"Do one thing to many records: preview, run, follow."`
	Vendors     vendorCommands      `cmd:"" help:"List vendors, rank them for a booking, show their scores."`
	Summary     summaryCommand      `cmd:"" name:"active-summary" help:"Count workflows by status, undecided tasks by team and open alerts by severity."`
	Logs        logsCommand         `cmd:"" help:"Show what functions said on the local runtime, and go on with it."`
	Demo        demoCommand         `cmd:"" help:"Play a day of a small marketplace against the local runtime, in virtual time."`
	Trial       trialCommand        `cmd:"" name:"test-engine" help:"Start each template as its example says and report how it went."`
	Cost        costCommand         `cmd:"" help:"Print what runs of templates would cost on AWS, counted on a system of its own."`
	Find        findCommand         `cmd:"" help:"Show whatever has this id."`
	Version     versionCommand      `cmd:"" help:"Print which opsflow this is; also as opsflow --version."`
}

// streams are where a command reads and prints: data on out, progress and errors on err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run carries out one command line and gives the exit code.
func run(ctx context.Context, args []string, std streams) int {
	var (
		cli    commandLine
		code   int
		exited bool
	)
	parser, err := newParser(&cli, std, func(c int) { code, exited = c, true })
	if err != nil {
		complain(std.err, fmt.Errorf("command line: %w", err))
		return exitFailed
	}
	if slices.Equal(args, []string{"--version"}) { // no flag of all commands: workflows start has one of its own
		args = []string{"version"}
	}
	cmd, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		complain(std.err, fmt.Errorf("%w (opsflow --help tells more)", err))
		return exitUsage
	}
	api, err := newClient(cli.API, cli.Token)
	if err != nil {
		complain(std.err, err)
		return exitUsage
	}
	defer api.close()
	cmd.BindTo(ctx, (*context.Context)(nil))
	cmd.Bind(std, &session{streams: std, api: api, json: cli.JSON})
	if err := cmd.Run(); err != nil {
		if cli.JSON {
			complainJSON(std.err, err)
		} else {
			complain(std.err, err)
		}
		return exitCode(err)
	}
	return 0
}

// newParser makes what reads a command line into cli; exit is called when help was all that was asked for.
func newParser(cli *commandLine, std streams, exit func(code int)) (*kong.Kong, error) {
	return kong.New(cli,
		kong.Name("opsflow"),
		kong.Description("Operations automation for a service marketplace: rules, workflows, tasks and alerts.\n\n"+
			"Data goes to stdout, progress and errors to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 invalid input."),
		kong.Writers(std.out, std.err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
}
