package dynamodb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Forward gives a handler that has another endpoint answer. Every request is signed anew by who: DynamoDB Local has a
// database for each access key, and functions have keys of their own here.
func Forward(endpoint, region string, who aws.CredentialsProvider) (http.Handler, error) {
	to, err := url.Parse(endpoint)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("%q is no URL of an endpoint", endpoint)
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &signing{signer: v4.NewSigner(), who: who, region: region},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			f := &fault{code: "InternalServerError", message: fmt.Sprintf("the endpoint %s does not answer: %v", endpoint, err)}
			f.write(w)
		},
	}, nil
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
