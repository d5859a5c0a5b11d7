// Command echo is a function for tests: it does what it is asked for.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type request struct {
	Fail, Panic, Exit       bool
	Code                    int
	Sleep                   time.Duration
	Env, Say                string
	AllocateMB, AnswerBytes int
}

type answer struct {
	PID   int
	Value string
}

// OutOfStock is an error with a type of its own.
type OutOfStock struct{ error }

func handle(_ context.Context, r request) (answer, error) {
	if r.Say != "" {
		fmt.Println(r.Say)
	}
	switch {
	case r.Fail:
		return answer{}, &OutOfStock{errors.New("no tea left")}
	case r.Panic:
		panic("broken")
	case r.Exit:
		os.Exit(r.Code)
	}
	touched := make([]byte, r.AllocateMB<<20)
	for i := range touched {
		touched[i] = 1
	}
	time.Sleep(r.Sleep)
	if r.AnswerBytes > 0 {
		return answer{Value: strings.Repeat("x", r.AnswerBytes)}, nil
	}
	return answer{os.Getpid(), os.Getenv(r.Env)}, nil
}

func main() {
	if os.Getenv("EXIT_AT_START") != "" {
		os.Exit(4)
	}
	lambda.Start(handle)
}
