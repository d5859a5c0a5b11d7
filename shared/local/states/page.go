package states

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
)

const (
	pageTokenAge = 24 * time.Hour
	usualPage    = 100
	largestPage  = 1000
)

// Page is the part of a list that is wanted. The zero value is the first hundred.
type Page struct {
	Limit int    // 0: 100; at most 1000
	Token string // of the page before; empty: the first
}

// place is where a page begins: Key, in a list that For names with all its filters. It is signed, so that nobody makes one.
type place struct {
	For string `json:"f"`
	Key []byte `json:"k"`
	At  int64  `json:"t"`
}

// size is how many the page may have.
func (p Page) size() (int, error) {
	var f constraint.Faults
	f.Range("maxResults", p.Limit, 0, largestPage)
	return cmp.Or(p.Limit, usualPage), broken(f)
}

// broken refuses a request that breaks constraints; nil when there are no faults.
func broken(f constraint.Faults) error {
	if f == nil {
		return nil
	}
	return invalid("%s", f.Text())
}

// listName names a list with everything that says what is in it.
func listName(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func (e *Engine) sign(text []byte) []byte {
	mac := hmac.New(sha256.New, e.pageKey)
	mac.Write(text)
	return mac.Sum(nil)[:16]
}

// pageToken is what leads to the page of a list that begins with a key.
func (e *Engine) pageToken(list string, key []byte) string {
	text := mustJSON(place{list, key, e.now().UnixMilli()})
	return base64.StdEncoding.EncodeToString(append(e.sign(text), text...))
}

// pageStart is the key that a page of a list begins with; nil for the first. Error: InvalidToken.
func (e *Engine) pageStart(list, token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(sealed) < 16 || !hmac.Equal(sealed[:16], e.sign(sealed[16:])) {
		return nil, errInvalidToken()
	}
	var p place
	if json.Unmarshal(sealed[16:], &p) != nil || p.For != list || e.now().Sub(time.UnixMilli(p.At)) > pageTokenAge {
		return nil, errInvalidToken()
	}
	return p.Key, nil
}

// openPageKey reads the key that signs tokens, or makes it the first time.
func (e *Engine) openPageKey(tx *bbolt.Tx) error {
	b := tx.Bucket(bucketKeys)
	name := []byte("pages")
	if e.pageKey = slices.Clone(b.Get(name)); e.pageKey != nil {
		return nil
	}
	e.pageKey = make([]byte, 32)
	if _, err := io.ReadFull(e.random, e.pageKey); err != nil {
		return err
	}
	return b.Put(name, e.pageKey)
}

// listing is a list that is paged through.
type listing struct {
	name           string // see listName
	bucket, prefix []byte
}

// scan gives a page of a list, and what leads to the next one. read gives nil for an entry that is not of the list.
func scan[T any](ctx context.Context, e *Engine, l listing, p Page, read func(tx *bbolt.Tx, k, v []byte) (*T, error)) (all []T, next string, err error) {
	limit, err := p.size()
	if err != nil {
		return nil, "", err
	}
	from, err := e.pageStart(l.name, p.Token)
	if err != nil {
		return nil, "", err
	}
	if from == nil {
		from = l.prefix
	}
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(l.bucket).Cursor()
		for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, l.prefix); k, v = c.Next() {
			one, err := read(tx, k, v)
			switch {
			case err != nil:
				return err
			case one == nil:
			case len(all) == limit:
				next = e.pageToken(l.name, k)
				return nil
			default:
				all = append(all, *one)
			}
		}
		return nil
	})
	return all, next, err
}
