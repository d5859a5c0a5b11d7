package s3_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"opsflow/shared/local/s3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is S3 over a folder.
type bench struct {
	dir     string
	handler http.Handler
}

func setup(t *testing.T, buckets ...string) *bench {
	t.Helper()
	dir := t.TempDir()
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	store, err := s3.New(dir, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{dir, s3.Handler(store, "us-east-1")}
	for _, bucket := range buckets {
		b.want(t, "PUT", "/"+bucket, "", 200)
	}
	return b
}

func (b *bench) do(t *testing.T, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

func (b *bench) want(t *testing.T, method, target, body string, status int, header ...string) string {
	t.Helper()
	w := b.do(t, method, target, body, header...)
	if w.Code != status {
		t.Fatalf("%s %s: got %d %s, want %d", method, target, w.Code, w.Body, status)
	}
	return w.Body.String()
}

func TestObjectsAreFilesOfTheFolder(t *testing.T) {
	t.Parallel()
	b := setup(t, "data")
	w := b.do(t, "PUT", "/data/in/a.json", `{"n":1}`)
	if w.Code != 200 || w.Header().Get("ETag") != `"082c26c8a6bc75226a31da5495cc9292"` {
		t.Fatalf("got %d %v", w.Code, w.Header())
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "data", "in", "a.json"))
	if err != nil || string(text) != `{"n":1}` {
		t.Errorf("the file holds %s, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "data", "by-hand.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.do(t, "GET", "/data/by-hand.txt", "")
	if got.Body.String() != "hello" || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("got %s, %v", got.Body, got.Header())
	}
	if part := b.do(t, "GET", "/data/by-hand.txt", "", "Range", "bytes=1-2"); part.Code != 206 || part.Body.String() != "el" {
		t.Errorf("got %d %s", part.Code, part.Body)
	}
	if head := b.do(t, "HEAD", "/data/in/a.json", ""); head.Header().Get("Content-Length") != "7" ||
		head.Header().Get("Last-Modified") != "Tue, 24 Nov 2026 09:00:00 GMT" || head.Header().Get("ETag") != w.Header().Get("ETag") {
		t.Errorf("got %v", head.Header())
	}
	b.want(t, "PUT", "/data/copy", "", 200, "X-Amz-Copy-Source", "/data/in/a.json")
	if body := b.want(t, "GET", "/data/copy", "", 200); body != `{"n":1}` {
		t.Errorf("the copy holds %s", body)
	}
	b.want(t, "PUT", "/data/copy", "other", 412, "If-None-Match", "*")
	for range 2 { // again is no error
		b.want(t, "DELETE", "/data/in/a.json", "", 204)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "data", "in")); err == nil {
		t.Error("an empty folder is left")
	}
}

func TestAKeyMayBeAnything(t *testing.T) {
	t.Parallel()
	b := setup(t, "data")
	keys := []string{"a//b", "../up", "./here", "folder/", "100%25", "back%5Cslash", "%2E%2E", "ünï"}
	for _, key := range keys {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "/", strings.NewReader(key))
		r.URL.Path = "/data/" + key // as it is, whatever a client would make of it
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("%s: got %d %s", key, w.Code, w.Body)
		}
		r = httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.URL.Path = "/data/" + key
		w = httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Body.String() != key {
			t.Errorf("%s: got %s", key, w.Body)
		}
	}
	listed := b.want(t, "GET", "/data?list-type=2", "", 200)
	for _, key := range keys {
		if !strings.Contains(listed, "<Key>"+key+"</Key>") {
			t.Errorf("%s is not listed in %s", key, listed)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(b.dir)); err != nil || len(entries) != 1 {
		t.Errorf("something was written outside of the folder: %v, %v", entries, err)
	}
}

func TestABodyInChunksIsPutTogether(t *testing.T) {
	t.Parallel()
	b := setup(t, "data")
	const chunked = "5;chunk-signature=x\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
	b.want(t, "PUT", "/data/k", chunked, 200, "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Encoding", "aws-chunked")
	if body := b.want(t, "GET", "/data/k", "", 200); body != "hello world" {
		t.Errorf("got %q", body)
	}
	for _, broken := range []string{"", "x\r\n", "5\r\nhel", "-1\r\n"} {
		b.want(t, "PUT", "/data/broken", broken, 500, "Content-Encoding", "aws-chunked")
		b.want(t, "GET", "/data/broken", "", 404)
	}
}

func TestListsAreCutByPrefixDelimiterAndPage(t *testing.T) {
	t.Parallel()
	b := setup(t, "data")
	for _, key := range []string{"a-b", "a/1", "a/2", "a/x/3", "b", "c/4"} {
		b.want(t, "PUT", "/data/"+key, key, 200)
	}
	type page struct {
		Contents              []struct{ Key string }
		CommonPrefixes        []struct{ Prefix string }
		IsTruncated           bool
		NextContinuationToken string
	}
	for parameters, want := range map[string]string{
		`{}`:                                  "a-b a/1 a/2 a/x/3 b c/4",
		`{"Prefix":"a/"}`:                     "a/1 a/2 a/x/3",
		`{"Delimiter":"/"}`:                   "a-b b a/ c/",
		`{"Prefix":"a/","Delimiter":"/"}`:     "a/1 a/2 a/x/",
		`{"StartAfter":"a/2"}`:                "a/x/3 b c/4",
		`{"Prefix":"none"}`:                   "",
		`{"Delimiter":"/","StartAfter":"a/"}`: "b c/",
	} {
		for _, size := range []int{1, 2, 1000} {
			var in map[string]any
			if err := json.Unmarshal([]byte(parameters), &in); err != nil {
				t.Fatal(err)
			}
			in["Bucket"], in["MaxKeys"] = "data", size
			var keys, prefixes []string
			for {
				out, err := b.call(t, "ListObjectsV2", in)
				if err != nil {
					t.Fatal(err)
				}
				var p page
				if err := json.Unmarshal(out, &p); err != nil {
					t.Fatal(err)
				}
				for _, o := range p.Contents {
					keys = append(keys, o.Key)
				}
				for _, c := range p.CommonPrefixes {
					prefixes = append(prefixes, c.Prefix)
				}
				if !p.IsTruncated {
					break
				}
				in["ContinuationToken"] = p.NextContinuationToken
			}
			if got := strings.Join(slices.Concat(keys, prefixes), " "); got != want {
				t.Errorf("%s by %d: got %s, want %s", parameters, size, got, want)
			}
		}
	}
}

// call carries out an operation as a Task state does.
func (b *bench) call(t *testing.T, operation string, parameters any) ([]byte, error) {
	t.Helper()
	text, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s3.Request("http://127.0.0.1:4566", operation, text)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r.WithContext(t.Context()))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return s3.Answer(operation, w.Code, w.Header(), body)
}

func TestRefusalsHaveS3sNames(t *testing.T) {
	t.Parallel()
	b := setup(t, "data")
	b.want(t, "PUT", "/data/file", "x", 200)
	for _, c := range []struct {
		method, target string
		status         int
		code           string
	}{
		{"GET", "/data/none", 404, "NoSuchKey"},
		{"GET", "/none/key", 404, "NoSuchBucket"},
		{"GET", "/none?list-type=2", 404, "NoSuchBucket"},
		{"PUT", "/none/key", 404, "NoSuchBucket"},
		{"PUT", "/NOT_VALID", 400, "InvalidBucketName"},
		{"PUT", "/data/file/below", 409, "OperationAborted"},
		{"DELETE", "/data", 409, "BucketNotEmpty"},
		{"POST", "/data/key", 405, "MethodNotAllowed"},
		{"POST", "/data/key?uploads", 501, "NotImplemented"},
		{"GET", "/data?list-type=2&max-keys=x", 400, "InvalidArgument"},
		{"GET", "/data?list-type=2&continuation-token=%25", 400, "InvalidArgument"},
		{"PUT", "/data/" + strings.Repeat("k", 1025), 400, "InvalidArgument"},
	} {
		if body := b.want(t, c.method, c.target, "", c.status); !strings.Contains(body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s %s: got %s, want %s", c.method, c.target, body, c.code)
		}
	}
	for operation, parameters := range map[string]string{"GetObject": `{"Bucket":"data"}`, "ListObjectsV2": `{}`} {
		if _, err := s3.Request("http://127.0.0.1", operation, []byte(parameters)); err == nil || !strings.Contains(err.Error(), "must not be empty") {
			t.Errorf("%s %s: got %v", operation, parameters, err)
		}
	}
	_, err := b.call(t, "RestoreObject", map[string]string{"Bucket": "data"})
	if err == nil || !strings.Contains(err.Error(), "NotImplemented") {
		t.Errorf("got %v", err)
	}
}

func TestABucketMayBeInTheHostsName(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"http://data.localhost:4566/in/a":         "data in/a",
		"http://data.aws.localhost:4566/a":        "data a",
		"http://data.s3.us-east-1.amazonaws.com/": "data ",
		"http://aws.localhost:4566/data/in/a":     "data in/a",
		"http://127.0.0.1:4566/data/in/a":         "data in/a",
		"http://localhost:4566/data":              "data ",
	} {
		bucket, key := s3.Place(httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
		if got := bucket + " " + key; got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}
