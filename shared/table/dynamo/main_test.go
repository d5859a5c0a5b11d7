package dynamo_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"opsflow/shared/table/dynamo/dynamolocal"
)

// endpoint is the one DynamoDB Local of this test binary.
var endpoint string

func TestMain(m *testing.M) {
	url, stop, err := dynamolocal.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	endpoint = url
	code := m.Run()
	stop()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:forcetypeassert // nothing replaces it here
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
