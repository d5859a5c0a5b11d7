// Package s3 is Amazon S3 on this machine, as far as reading, writing and listing objects goes: a folder with a folder for each
// bucket and a file for each object, in S3's REST protocol. Files that are put there by hand are objects, too.
package s3

import (
	"crypto/md5" //nolint:gosec // what S3 makes an ETag of
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Error is an error with the name that S3 gives it.
type Error struct {
	Code    string
	Message string
	Status  int
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

var (
	errNoBucket = &Error{"NoSuchBucket", "The specified bucket does not exist", 404}
	errNoKey    = &Error{"NoSuchKey", "The specified key does not exist.", 404}
	errNotEmpty = &Error{"BucketNotEmpty", "The bucket you tried to delete is not empty", 409}
	errBadName  = &Error{"InvalidBucketName", "The specified bucket is not valid.", 400}
)

// Store keeps objects in a folder, and touches nothing outside of it. All methods are safe for concurrent use.
type Store struct {
	root *os.Root
	now  func() time.Time
}

// New keeps objects below a folder, which is made if need be.
func New(dir string, now func() time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a folder that its owner may share
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Store{root, now}, nil
}

// Close ends the use of the folder.
func (s *Store) Close() error { return s.root.Close() }

// Object describes an object.
type Object struct {
	Key      string
	Size     int64
	ETag     string // quoted
	Modified time.Time
}

// maxKey is how long a key may be, in bytes.
const maxKey = 1024

// scratch is the folder of objects that are being written: no bucket has such a name.
const scratch = ".writing"

var validBucket = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// HasBucket tells whether a bucket is there. Errors: NoSuchBucket, InvalidBucketName.
func (s *Store) HasBucket(bucket string) error {
	if !validBucket.MatchString(bucket) {
		return errBadName
	}
	if info, err := s.root.Stat(bucket); err != nil || !info.IsDir() {
		return errNoBucket
	}
	return nil
}

// file is where an object is, whether or not it exists. What a file system would take for something else is escaped.
func (s *Store) file(bucket, key string) (string, error) {
	if err := s.HasBucket(bucket); err != nil {
		return "", err
	}
	if key == "" || len(key) > maxKey || strings.ContainsRune(key, 0) {
		return "", &Error{"InvalidArgument", fmt.Sprintf("A key has from 1 to %d bytes", maxKey), 400}
	}
	parts := strings.Split(key, "/")
	for i, p := range parts {
		switch p = strings.ReplaceAll(p, "%", "%25"); p {
		case "":
			p = "%00"
		case ".", "..":
			p = strings.ReplaceAll(p, ".", "%2E")
		default:
		}
		parts[i] = strings.ReplaceAll(p, `\`, "%5C")
	}
	return bucket + "/" + strings.Join(parts, "/"), nil
}

var unescape = strings.NewReplacer("%00", "", "%2E", ".", "%5C", `\`, "%25", "%")

// CreateBucket makes a bucket, if it is not there. Error: InvalidBucketName.
func (s *Store) CreateBucket(bucket string) error {
	if !validBucket.MatchString(bucket) {
		return errBadName
	}
	return s.root.MkdirAll(bucket, 0o755)
}

// DeleteBucket removes an empty bucket. Errors: NoSuchBucket, BucketNotEmpty.
func (s *Store) DeleteBucket(bucket string) error {
	keys, err := s.keys(bucket, "")
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		return errNotEmpty
	}
	return s.root.RemoveAll(bucket)
}

// Buckets gives the names of all buckets with when they were made.
func (s *Store) Buckets() ([]Object, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var all []Object
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && validBucket.MatchString(e.Name()) {
			all = append(all, Object{Key: e.Name(), Modified: info.ModTime().UTC()})
		}
	}
	return all, nil
}

// Put writes an object whole, or not at all. Errors: NoSuchBucket, InvalidArgument.
func (s *Store) Put(bucket, key string, content io.Reader) (*Object, error) {
	file, err := s.file(bucket, key)
	if err != nil {
		return nil, err
	}
	if err := s.root.MkdirAll(scratch, 0o755); err != nil {
		return nil, err
	}
	part := scratch + "/" + rand.Text()
	f, err := s.root.Create(part)
	if err != nil {
		return nil, err
	}
	defer s.root.Remove(part) //nolint:errcheck // it has its name by then
	sum := md5.New()          //nolint:gosec // as above
	size, err := io.Copy(io.MultiWriter(f, sum), content)
	at := s.now().UTC()
	if err := errors.Join(err, f.Sync(), f.Close(), s.root.Chtimes(part, at, at)); err != nil {
		return nil, err
	}
	if err := errors.Join(s.root.MkdirAll(path.Dir(file), 0o755), s.root.Rename(part, file)); err != nil {
		return nil, &Error{"OperationAborted", "A file can't be where a folder is: the keys of a bucket here can't be both an object " +
			"and the beginning of another with a / (" + err.Error() + ")", 409}
	}
	return &Object{key, size, quoted(sum.Sum(nil)), at}, nil
}

func quoted(sum []byte) string { return `"` + hex.EncodeToString(sum) + `"` }

// Open gives an object with its content, which is to be closed. Errors: NoSuchBucket, NoSuchKey.
func (s *Store) Open(bucket, key string) (*Object, *os.File, error) {
	file, err := s.file(bucket, key)
	if err != nil {
		return nil, nil, err
	}
	f, err := s.root.Open(file)
	if err != nil {
		return nil, nil, errNoKey
	}
	o, err := describe(key, f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return o, f, nil
}

func describe(key string, f *os.File) (*Object, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errNoKey
	}
	sum := md5.New() //nolint:gosec // as above
	if _, err := io.Copy(sum, f); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &Object{key, info.Size(), quoted(sum.Sum(nil)), info.ModTime().UTC()}, nil
}

// Delete removes an object. One that does not exist is no error. Error: NoSuchBucket.
func (s *Store) Delete(bucket, key string) error {
	file, err := s.file(bucket, key)
	if err != nil {
		return err
	}
	if info, err := s.root.Stat(file); err != nil || info.IsDir() {
		return nil //nolint:nilerr // there is nothing to remove
	}
	if err := s.root.Remove(file); err != nil {
		return err
	}
	for dir := path.Dir(file); dir != bucket && s.root.Remove(dir) == nil; dir = path.Dir(dir) { // until another object is there
	}
	return nil
}

// keys are those of a bucket with a prefix, in the order of their bytes.
func (s *Store) keys(bucket, prefix string) ([]string, error) {
	if err := s.HasBucket(bucket); err != nil {
		return nil, err
	}
	var keys []string
	err := fs.WalkDir(s.root.FS(), bucket, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if key := unescape.Replace(strings.TrimPrefix(file, bucket+"/")); strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
		return nil
	})
	slices.Sort(keys)
	return keys, err
}

// Listing is what of a bucket is wanted. Keys with a common beginning up to the Delimiter, after the Prefix, are one.
type Listing struct {
	Prefix, Delimiter string
	After             string // the last key or common prefix of the page before
	Max               int
}

// List gives objects by their keys, the prefixes that stand for more of them, and where the next page begins; "" for nowhere.
// Errors: NoSuchBucket, InvalidBucketName.
func (s *Store) List(bucket string, l Listing) (objects []Object, prefixes []string, next string, err error) {
	keys, err := s.keys(bucket, l.Prefix)
	if err != nil {
		return nil, nil, "", err
	}
	last := ""
	for _, key := range keys {
		shown := key
		if i := strings.Index(key[len(l.Prefix):], l.Delimiter); l.Delimiter != "" && i >= 0 {
			shown = key[:len(l.Prefix)+i+len(l.Delimiter)]
		}
		if shown <= l.After || len(prefixes) > 0 && shown == prefixes[len(prefixes)-1] {
			continue
		}
		if len(objects)+len(prefixes) == l.Max {
			return objects, prefixes, last, nil
		}
		last = shown
		if shown != key {
			prefixes = append(prefixes, shown)
			continue
		}
		o, f, err := s.Open(bucket, key)
		if err != nil {
			if errors.Is(err, errNoKey) {
				continue // removed meanwhile
			}
			return nil, nil, "", err
		}
		if err := f.Close(); err != nil {
			return nil, nil, "", err
		}
		objects = append(objects, *o)
	}
	return objects, prefixes, "", nil
}
