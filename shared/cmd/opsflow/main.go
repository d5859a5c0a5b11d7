// Command opsflow is the command line of opsflow: the local runtime and, on it or on AWS, the operator's tool.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// exitUsage is the exit code for a command line that makes no sense; any other failure is 1.
const exitUsage = 2

type commandLine struct {
	Dev devCommand `cmd:"" help:"Run the whole system on this machine: AWS endpoint, API, rules and workflows in one process."`
}

// streams are where a command prints: data on out, progress on err.
type streams struct {
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr})
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
	parser, err := kong.New(&cli,
		kong.Name("opsflow"),
		kong.Description("Operations automation for a service marketplace: rules, workflows, tasks and alerts."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(c int) { code, exited = c, true }),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(std.err, "opsflow:", err)
		return 1
	}
	cmd, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		fmt.Fprintln(std.err, "opsflow:", err)
		return exitUsage
	}
	cmd.BindTo(ctx, (*context.Context)(nil))
	cmd.Bind(std)
	if err := cmd.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(std.err, "opsflow:", oneLine(err))
		return 1
	}
	return 0
}

// oneLine keeps an error on one line, whatever it wraps.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
