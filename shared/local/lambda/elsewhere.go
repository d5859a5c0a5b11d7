package lambda

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// ParseEndpoint reads the address of another Lambda endpoint, such as "http://127.0.0.1:9001"; nil for an empty text.
func ParseEndpoint(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no endpoint is an answer
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the Lambda endpoint must be a URL like http://127.0.0.1:9001, got %q", text)
	}
	return u, nil
}

// maxAnswer is how much of an answer is read: Lambda's own limit on it, and some, so that the caller sees one that is over.
const maxAnswer = maxPayload + 1<<20

// invokeElsewhere runs a function at the other Lambda endpoint, by Lambda's Invoke.
func (r *Registry) invokeElsewhere(ctx context.Context, function string, payload []byte) ([]byte, *FunctionError, error) {
	defer r.o.Clock.Busy()()
	address := r.o.Elsewhere.JoinPath("2015-03-31", "functions", url.PathEscape(Name(function)), "invocations").String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload)) //nolint:gosec // the developer names the endpoint on the command line
	if err != nil {
		return nil, nil, fmt.Errorf("invoke %s: %w", function, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, nil, fmt.Errorf("invoke %s: %w", function, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or not wanted
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("invoke %s: read the answer: %w", function, err)
	}
	if res.StatusCode != http.StatusOK {
		var told struct {
			Message string
		}
		_ = json.Unmarshal(body, &told) // what isn't JSON has no message
		return nil, nil, &APIError{
			Code:    cmp.Or(res.Header.Get("X-Amzn-Errortype"), "ServiceException"),
			Message: cmp.Or(told.Message, res.Status),
		}
	}
	if res.Header.Get("X-Amz-Function-Error") == "" {
		return body, nil, nil
	}
	var told struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	_ = json.Unmarshal(body, &told) // the payload is handed on as it is
	return nil, &FunctionError{Type: told.Type, Message: told.Message, Payload: body}, nil
}
