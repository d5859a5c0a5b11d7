// Command echo is a function for tests: it does what it is asked for.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type request struct {
	Fail, Panic, Exit bool
	Sleep             time.Duration
	Env               string
}

type answer struct {
	PID   int
	Value string
}

// OutOfStock is an error with a type of its own.
type OutOfStock struct{ error }

func handle(_ context.Context, r request) (answer, error) {
	switch {
	case r.Fail:
		return answer{}, &OutOfStock{errors.New("no tea left")}
	case r.Panic:
		panic("broken")
	case r.Exit:
		os.Exit(3)
	}
	time.Sleep(r.Sleep)
	return answer{os.Getpid(), os.Getenv(r.Env)}, nil
}

func main() { lambda.Start(handle) }
