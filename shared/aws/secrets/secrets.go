// Package secrets reads the secrets of connections from AWS Secrets Manager.
package secrets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/aws/signed"
	"opsflow/shared/ops"
)

// Target is the operation, as the X-Amz-Target header names it.
const Target = "secretsmanager.GetSecretValue"

// Client reads secrets whose names begin with a prefix. It is safe for concurrent use.
type Client struct {
	api    signed.Client
	prefix string
}

// New makes a client. A connection's secret "payments" is kept as "<prefix>/payments".
func New(c aws.Config, prefix string, client *http.Client, now func() time.Time) *Client {
	return &Client{api: signed.Client{Config: c, Service: "secretsmanager", Host: "secretsmanager", HTTP: client, Now: now}, prefix: prefix}
}

// Secret implements ops.Secrets.
func (c *Client) Secret(ctx context.Context, name string) (string, error) {
	id := c.prefix + "/" + name
	body, err := json.Marshal(map[string]string{"SecretId": id})
	if err != nil {
		return "", fmt.Errorf("ask for secret %s: %w", id, err)
	}
	answer, err := c.api.Post(ctx, "/", "application/x-amz-json-1.1", body, map[string]string{"X-Amz-Target": Target})
	if refusal, ok := errors.AsType[*signed.Refusal](err); ok && bytes.Contains(refusal.Answer, []byte("ResourceNotFoundException")) {
		return "", ops.Errorf(ops.CodeNotFound, "there is no secret %s", id)
	}
	if err != nil {
		return "", fmt.Errorf("read secret %s: %w", id, err)
	}
	var value struct{ SecretString *string }
	if err := json.Unmarshal(answer, &value); err != nil || value.SecretString == nil {
		return "", ops.Errorf(ops.CodeNotFound, "secret %s is no text", id)
	}
	return *value.SecretString, nil
}
