package dynamodb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"opsflow/shared/local/awsjson"
)

// Forwarder has another endpoint answer. Every request is signed anew: DynamoDB Local has a database for each access key, and
// functions have keys of their own here.
type Forwarder struct {
	to    *url.URL
	sign  *signing
	proxy *httputil.ReverseProxy
}

// Forward gives a Forwarder to an endpoint, which signs as who.
func Forward(endpoint, region string, who aws.CredentialsProvider) (*Forwarder, error) {
	to, err := url.Parse(endpoint)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("%q is no URL of an endpoint", endpoint)
	}
	f := &Forwarder{to: to, sign: &signing{signer: v4.NewSigner(), who: who, region: region}}
	f.proxy = &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: f.sign,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			f := &fault{code: "InternalServerError", message: fmt.Sprintf("the endpoint %s does not answer: %v", endpoint, err)}
			f.write(w)
		},
	}
	return f, nil
}

// ServeHTTP implements http.Handler.
func (f *Forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.proxy.ServeHTTP(w, r) }

// Declare sees to it that a table of the template is there: a JSON object of the resource's properties. One that is there stays
// as it is.
func (f *Forwarder) Declare(ctx context.Context, properties []byte) error {
	d, err := readProperties(properties)
	if err != nil {
		return err
	}
	create := d.definition
	create.ID, create.TimeToLive = "", ""
	if err := f.ask(ctx, "CreateTable", create); err != nil {
		if wrong, ok := errors.AsType[*fault](err); ok && wrong.code == "ResourceInUseException" {
			return nil
		}
		return err
	}
	if d.TimeToLive == "" {
		return nil
	}
	return f.ask(ctx, "UpdateTimeToLive", timeToLiveRequest{d.TableName, &timeToLive{d.TimeToLive, true}})
}

// ask sends a request of this program's own.
func (f *Forwarder) ask(ctx context.Context, operation string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.to.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	awsjson.Ask(r, awsjson.DynamoDB, operation)
	resp, err := f.sign.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it has been read
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return fmt.Errorf("%s: status %d", operation, resp.StatusCode)
	}
	return &fault{code: said.Type[strings.LastIndexByte(said.Type, '#')+1:], message: said.Message}
}

type signing struct {
	signer *v4.Signer
	who    aws.CredentialsProvider
	region string
}

// RoundTrip implements http.RoundTripper.
func (s *signing) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	who, err := s.who.Retrieve(r.Context())
	if err != nil {
		return nil, err
	}
	signed := r.Clone(r.Context())
	signed.Body, signed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	sum := sha256.Sum256(body)
	if err := s.signer.SignHTTP(r.Context(), who, signed, hex.EncodeToString(sum[:]), "dynamodb", s.region, time.Now()); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(signed)
}
