package s3

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is a request as Step Functions writes it: members by the SDK's names.
type call struct {
	Bucket, Key, CopySource, Prefix, Delimiter, ContinuationToken, StartAfter, IfNoneMatch, Range string
	MaxKeys                                                                                       *int
	Body                                                                                          json.RawMessage
}

// Request writes an operation with the parameters of a Task state as an HTTP request. Operations: GetObject, HeadObject, PutObject,
// CopyObject, DeleteObject, ListObjectsV2, CreateBucket, HeadBucket, DeleteBucket, ListBuckets.
func Request(endpoint, operation string, parameters []byte) (*http.Request, error) {
	var in call
	if err := json.Unmarshal(parameters, &in); err != nil {
		return nil, fmt.Errorf("parameters of s3 %s: %w", operation, err)
	}
	method, ok := map[string]string{
		"GetObject": "GET", "HeadObject": "HEAD", "PutObject": "PUT", "CopyObject": "PUT", "DeleteObject": "DELETE", "ListObjectsV2": "GET",
		"CreateBucket": "PUT", "HeadBucket": "HEAD", "DeleteBucket": "DELETE", "ListBuckets": "GET",
	}[operation]
	if !ok {
		return nil, &Error{"NotImplemented", "The local runtime's S3 has no " + operation, 501}
	}
	if in.Bucket == "" && operation != "ListBuckets" {
		return nil, &Error{"ValidationException", "Bucket must not be empty", 400}
	}
	at := endpoint + "/" + url.PathEscape(in.Bucket)
	if strings.HasSuffix(operation, "Object") {
		if in.Key == "" {
			return nil, &Error{"ValidationException", "Key must not be empty", 400}
		}
		at += "/" + strings.ReplaceAll(url.PathEscape(in.Key), "%2F", "/")
	}
	if operation == "ListObjectsV2" {
		q := url.Values{"list-type": {"2"}}
		for name, value := range map[string]string{
			"prefix": in.Prefix, "delimiter": in.Delimiter, "continuation-token": in.ContinuationToken, "start-after": in.StartAfter,
		} {
			if value != "" {
				q.Set(name, value)
			}
		}
		if in.MaxKeys != nil {
			q.Set("max-keys", strconv.Itoa(*in.MaxKeys))
		}
		at += "?" + q.Encode()
	}
	r, err := http.NewRequest(method, at, strings.NewReader(bodyText(in.Body))) //nolint:noctx // the caller gives it one
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"X-Amz-Copy-Source": in.CopySource, "If-None-Match": in.IfNoneMatch, "Range": in.Range} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=states/20060102/region/s3/aws4_request") // tells the service
	return r, nil
}

// bodyText is what PutObject writes: a string's own text, anything else as JSON.
func bodyText(body json.RawMessage) string {
	var text string
	if json.Unmarshal(body, &text) == nil {
		return text
	}
	return string(body)
}

// Answer writes an HTTP answer as Step Functions shows an operation's: members by the SDK's names. An *Error for a refusal.
func Answer(operation string, status int, header http.Header, body []byte) ([]byte, error) {
	if status >= http.StatusBadRequest {
		e := &Error{Code: "NoSuchKey", Message: http.StatusText(status), Status: status}
		if len(body) > 0 {
			if err := xml.Unmarshal(body, e); err != nil {
				return nil, fmt.Errorf("answer of s3 %s: %w", operation, err)
			}
		}
		return nil, e
	}
	switch operation {
	case "GetObject", "HeadObject":
		out := map[string]any{"ETag": header.Get("ETag"), "ContentType": header.Get("Content-Type"), "AcceptRanges": "bytes"}
		if n, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil {
			out["ContentLength"] = n
		}
		if at, err := http.ParseTime(header.Get("Last-Modified")); err == nil {
			out["LastModified"] = at.UTC().Format(time.RFC3339)
		}
		if operation == "GetObject" {
			out["Body"] = string(body)
		}
		return json.Marshal(out)
	case "PutObject":
		return json.Marshal(map[string]string{"ETag": header.Get("ETag")})
	case "CopyObject":
		var out struct{ LastModified, ETag string }
		if err := xml.Unmarshal(body, &out); err != nil {
			return nil, err
		}
		return json.Marshal(map[string]any{"CopyObjectResult": out})
	case "ListObjectsV2":
		return listAnswer(body)
	case "ListBuckets":
		var out struct {
			Buckets []struct{ Name, CreationDate string } `xml:"Buckets>Bucket"`
		}
		if err := xml.Unmarshal(body, &out); err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
	return []byte("{}"), nil
}

func listAnswer(body []byte) ([]byte, error) {
	var in listed
	if err := xml.Unmarshal(body, &in); err != nil && err != io.EOF { //nolint:errorlint // the decoder's own
		return nil, err
	}
	out := map[string]any{
		"Name": in.Name, "Prefix": in.Prefix, "MaxKeys": in.MaxKeys, "KeyCount": in.KeyCount, "IsTruncated": in.IsTruncated,
	}
	if in.NextContinuationToken != "" {
		out["NextContinuationToken"] = in.NextContinuationToken
	}
	if len(in.Contents) > 0 {
		out["Contents"] = in.Contents
	}
	if len(in.CommonPrefixes) > 0 {
		out["CommonPrefixes"] = in.CommonPrefixes
	}
	return json.Marshal(out)
}
