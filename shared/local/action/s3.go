package action

import (
	"net/http"
	"net/url"
	"strings"

	"opsflow/shared/local/iam"
	"opsflow/shared/local/s3"
)

const bucketARN = "arn:aws:s3:::"

// onObjects and onBuckets are the actions that S3's methods need.
var (
	onObjects = map[string]string{
		http.MethodGet: "GetObject", http.MethodHead: "GetObject", http.MethodPut: "PutObject", http.MethodDelete: "DeleteObject",
	}
	onBuckets = map[string]string{
		http.MethodGet: "ListBucket", http.MethodHead: "ListBucket", http.MethodPut: "CreateBucket", http.MethodDelete: "DeleteBucket",
	}
)

func objects(r *http.Request, _ []byte) ([]iam.Request, error) {
	bucket, key := s3.Place(r)
	action, resource := onObjects[r.Method], bucketARN+bucket+"/"+key
	switch q := r.URL.Query(); {
	case bucket == "":
		action, resource = "ListAllMyBuckets", anything
	case key == "" && q.Has("delete"):
		action, resource = "DeleteObject", bucketARN+bucket+"/*"
	case key == "" && q.Has("location"):
		action, resource = "GetBucketLocation", bucketARN+bucket
	case key == "":
		action, resource = onBuckets[r.Method], bucketARN+bucket
	}
	if action == "" {
		return nil, unknown(r.Method + " " + r.URL.Path)
	}
	asked := on("s3:"+action, resource)
	if source, err := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source")); err == nil && source != "" {
		asked = append(asked, on("s3:GetObject", bucketARN+strings.TrimPrefix(source, "/"))...)
	}
	return asked, nil
}
