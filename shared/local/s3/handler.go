package s3

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

const (
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	usualPage = 1000
	isoMillis = "2006-01-02T15:04:05.000Z"
)

type handler struct {
	store  *Store
	region string
}

// Handler serves objects and buckets in S3's REST protocol: Get, Head, Put (and copy) and Delete of an object, DeleteObjects,
// ListObjectsV2 and ListObjects, and Create, Head, Delete, List and GetBucketLocation of buckets. Others are not implemented.
// A bucket is named in the path, or is the first part of the host's name.
func Handler(s *Store, region string) http.Handler { return &handler{s, region} }

// Place is the bucket and the key that a request is about; empty for none. aws.localhost is a name of the endpoint, no bucket's.
func Place(r *http.Request) (bucket, key string) {
	host, _, _ := strings.Cut(r.Host, ":")
	first, rest, ok := strings.Cut(host, ".")
	if ok && (rest == "localhost" && first != "aws" || strings.HasPrefix(rest, "s3.") || strings.HasSuffix(rest, ".localhost")) {
		return first, strings.TrimPrefix(r.URL.Path, "/")
	}
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key
}

// unknown are what a request may ask for about an object or a bucket that is not here.
var unknown = strings.Fields("acl attributes cors encryption legal-hold lifecycle logging notification object-lock ownershipControls partNumber " +
	"policy publicAccessBlock replication requestPayment restore retention select tagging torrent uploadId uploads versioning versions website")

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key := Place(r)
	q := r.URL.Query()
	for _, name := range unknown {
		if q.Has(name) {
			Refuse(w, r, &Error{"NotImplemented", "The local runtime's S3 does not know ?" + name, 501})
			return
		}
	}
	var err error
	switch {
	case bucket == "":
		err = h.buckets(w, r)
	case key == "":
		err = h.bucket(w, r, bucket, q)
	default:
		err = h.object(w, r, bucket, key)
	}
	if err != nil {
		Refuse(w, r, err)
	}
}

// Refuse answers with an error as S3 does.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{"InternalError", err.Error(), 500}
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(known.Status)
		return
	}
	answer(w, known.Status, struct {
		XMLName  xml.Name `xml:"Error"`
		Code     string
		Message  string
		Resource string
	}{Code: known.Code, Message: known.Message, Resource: r.URL.Path})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, xml.Header) // the caller has gone if this fails
	_ = xml.NewEncoder(w).Encode(v)
}

var errMethod = &Error{"MethodNotAllowed", "The specified method is not allowed against this resource.", 405}

func (h *handler) buckets(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return errMethod
	}
	all, err := h.store.Buckets()
	if err != nil {
		return err
	}
	type bucket struct{ Name, CreationDate string }
	out := struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		XMLNS   string   `xml:"xmlns,attr"`
		Buckets []bucket `xml:"Buckets>Bucket"`
	}{XMLNS: namespace}
	for _, b := range all {
		out.Buckets = append(out.Buckets, bucket{b.Key, b.Modified.Format(isoMillis)})
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (h *handler) bucket(w http.ResponseWriter, r *http.Request, bucket string, q url.Values) error {
	switch r.Method {
	case http.MethodPut:
		if err := h.store.CreateBucket(bucket); err != nil {
			return err
		}
		w.Header().Set("Location", "/"+bucket)
		return nil
	case http.MethodDelete:
		if err := h.store.DeleteBucket(bucket); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodHead:
		w.Header().Set("X-Amz-Bucket-Region", h.region)
		return h.store.HasBucket(bucket)
	case http.MethodPost:
		if q.Has("delete") {
			return h.deleteObjects(w, r, bucket)
		}
	case http.MethodGet:
		if q.Has("location") {
			if err := h.store.HasBucket(bucket); err != nil {
				return err
			}
			answer(w, http.StatusOK, struct {
				XMLName xml.Name `xml:"LocationConstraint"`
				XMLNS   string   `xml:"xmlns,attr"`
			}{XMLNS: namespace}) // us-east-1 is none
			return nil
		}
		return h.list(w, bucket, q)
	}
	return errMethod
}

func (h *handler) deleteObjects(w http.ResponseWriter, r *http.Request, bucket string) error {
	var in struct {
		Quiet   bool
		Objects []struct{ Key string } `xml:"Object"`
	}
	if err := xml.NewDecoder(content(r)).Decode(&in); err != nil {
		return &Error{"MalformedXML", err.Error(), 400}
	}
	type deleted struct{ Key string }
	out := struct {
		XMLName xml.Name  `xml:"DeleteResult"`
		XMLNS   string    `xml:"xmlns,attr"`
		Deleted []deleted `xml:"Deleted"`
	}{XMLNS: namespace}
	for _, o := range in.Objects {
		if err := h.store.Delete(bucket, o.Key); err != nil {
			return err
		}
		if !in.Quiet {
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	answer(w, http.StatusOK, out)
	return nil
}

// listed is ListObjectsV2's answer; ListObjects' has Marker and NextMarker for its tokens.
type listed struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	XMLNS                 string   `xml:"xmlns,attr"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	Marker                *string
	NextMarker            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	MaxKeys               int
	KeyCount              int
	IsTruncated           bool
	Contents              []listedObject
	CommonPrefixes        []listedPrefix
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int64
	StorageClass            string
}

type listedPrefix struct{ Prefix string }

func (h *handler) list(w http.ResponseWriter, bucket string, q url.Values) error {
	limit := usualPage
	if text := q.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return &Error{"InvalidArgument", "max-keys must be a whole number, got " + text, 400}
		}
		limit = min(n, usualPage)
	}
	newer := q.Get("list-type") == "2"
	after := q.Get("marker")
	if newer {
		token, err := base64.StdEncoding.DecodeString(q.Get("continuation-token"))
		if err != nil {
			return &Error{"InvalidArgument", "The continuation token provided is incorrect", 400}
		}
		after = cmp.Or(string(token), q.Get("start-after"))
	}
	objects, prefixes, next, err := h.store.List(bucket, Listing{q.Get("prefix"), q.Get("delimiter"), after, limit})
	if err != nil {
		return err
	}
	shown := func(s string) string { return s }
	if q.Get("encoding-type") == "url" {
		shown = url.QueryEscape
	}
	out := listed{
		XMLNS: namespace, Name: bucket, Prefix: shown(q.Get("prefix")), Delimiter: shown(q.Get("delimiter")), EncodingType: q.Get("encoding-type"),
		MaxKeys: limit, KeyCount: len(objects) + len(prefixes), IsTruncated: next != "",
	}
	if newer {
		out.ContinuationToken, out.StartAfter = q.Get("continuation-token"), shown(q.Get("start-after"))
		out.NextContinuationToken = base64.StdEncoding.EncodeToString([]byte(next))
	} else {
		marker := shown(after)
		out.Marker, out.NextMarker = &marker, shown(next)
	}
	for _, o := range objects {
		out.Contents = append(out.Contents, listedObject{shown(o.Key), o.Modified.Format(isoMillis), o.ETag, o.Size, "STANDARD"})
	}
	for _, p := range prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, listedPrefix{shown(p)})
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (h *handler) object(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	switch r.Method {
	case http.MethodPut:
		return h.put(w, r, bucket, key)
	case http.MethodDelete:
		if err := h.store.Delete(bucket, key); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodGet, http.MethodHead:
		o, f, err := h.store.Open(bucket, key)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it was read
		w.Header().Set("ETag", o.ETag)
		w.Header().Set("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(key)), "binary/octet-stream"))
		http.ServeContent(w, r, "", o.Modified, f)
		return nil
	}
	return errMethod
}

func (h *handler) put(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	if r.Header.Get("If-None-Match") == "*" {
		if _, f, err := h.store.Open(bucket, key); err == nil {
			return errors.Join(&Error{"PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412}, f.Close())
		}
	}
	from := r.Header.Get("X-Amz-Copy-Source")
	if from == "" {
		o, err := h.store.Put(bucket, key, content(r))
		if err != nil {
			return err
		}
		w.Header().Set("ETag", o.ETag)
		return nil
	}
	source, err := url.PathUnescape(from)
	if err != nil {
		return &Error{"InvalidArgument", "x-amz-copy-source is not valid: " + from, 400}
	}
	sourceBucket, sourceKey, _ := strings.Cut(strings.TrimPrefix(source, "/"), "/")
	_, f, err := h.store.Open(sourceBucket, sourceKey)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was read
	o, err := h.store.Put(bucket, key, f)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, struct {
		XMLName            xml.Name `xml:"CopyObjectResult"`
		LastModified, ETag string
	}{LastModified: o.Modified.Format(isoMillis), ETag: o.ETag})
	return nil
}
