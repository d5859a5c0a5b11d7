package env

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
)

func TestARequestThatIsNeverAnsweredCostsOneTry(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	for name, client := range map[string]aws.HTTPClient{
		"no answer begins":      bounded(short, short, time.Hour),
		"the answer never ends": bounded(short, time.Hour, short),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			silent := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 1 {
					select { // until the client gives up
					case <-r.Context().Done():
					case <-silent:
					}
					return
				}
				_, _ = w.Write([]byte(`{"Item":{"pk":{"S":"a"},"sk":{"S":"b"},"v":{"N":"1"}}}`))
			}))
			defer server.Close()
			defer close(silent)
			db := dynamodb.New(dynamodb.Options{
				Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: client,
				Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
			})
			_, found, err := dynamo.New(db, "t", nil, time.Now).Get(t.Context(), table.Key{PK: "a", SK: "b"})
			if err != nil || !found || asked.Load() != 2 {
				t.Errorf("found %v, %v after %d requests", found, err, asked.Load())
			}
		})
	}
}

func TestRequestsToAWSAreBoundedInTime(t *testing.T) {
	t.Parallel()
	e, err := Load(func(name string) string { return map[string]string{"AWS_REGION": "us-east-1"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	client, ok := e.AWS().HTTPClient.(interface {
		GetTimeout() time.Duration
		GetTransport() *http.Transport
	})
	if !ok || client.GetTimeout() != wholeRequest || client.GetTransport().ResponseHeaderTimeout != answering {
		t.Errorf("the client is %T", e.AWS().HTTPClient)
	}
}
