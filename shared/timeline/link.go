package timeline

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// How long a link is good: unless somebody says otherwise, and at most.
const (
	DefaultValidity = 30 * 24 * time.Hour
	MaxValidity     = 365 * 24 * time.Hour
)

// minKey is the least number of bytes of a key.
const minKey = 32

// Links makes and reads the signed part of customers' links. A token is the base64url form of: the HMAC-SHA256 of what
// follows, the second at which the link expires since 1970 as eight bytes, the booking's id. Whoever has it may read that
// booking's timeline until then, and nobody can make one without the key. The zero Links has no key and knows no token.
type Links struct{ key []byte }

// NewLinks makes Links with a key of at least 32 bytes; an empty key gives the zero Links.
func NewLinks(key string) (Links, error) {
	if key == "" {
		return Links{}, nil
	}
	if len(key) < minKey {
		return Links{}, fmt.Errorf("the key of timelines has %d bytes; it needs at least %d", len(key), minKey)
	}
	return Links{key: []byte(key)}, nil
}

// Token makes the token of a booking's link that is good until expires, to the second. CodeUnavailable without a key.
func (l Links) Token(booking string, expires time.Time) (string, error) {
	if l.key == nil {
		return "", ops.Errorf(ops.CodeUnavailable, "timelines are off: no key is configured")
	}
	text := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	text = append(text, booking...)
	return base64.RawURLEncoding.EncodeToString(append(l.sign(text), text...)), nil
}

// Read gives the booking that a token is for, and until when. CodeNotFound for a token that we have not made, CodeGone for
// one that has expired.
func (l Links) Read(token string, now time.Time) (booking string, expires time.Time, err error) {
	unknown := ops.Errorf(ops.CodeNotFound, "this link is not valid")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || l.key == nil || len(raw) < sha256.Size+8 ||
		base64.RawURLEncoding.EncodeToString(raw) != token { // only one text stands for a token
		return "", time.Time{}, unknown
	}
	text := raw[sha256.Size:]
	if !hmac.Equal(raw[:sha256.Size], l.sign(text)) {
		return "", time.Time{}, unknown
	}
	expires = time.Unix(int64(binary.BigEndian.Uint64(text)), 0).UTC()
	if !now.Before(expires) {
		return "", expires, ops.Errorf(ops.CodeGone, "this link has expired")
	}
	return string(text[8:]), expires, nil
}

// sign is bound to its purpose, should the key ever serve another one.
func (l Links) sign(text []byte) []byte {
	mac := hmac.New(sha256.New, l.key)
	_, _ = mac.Write([]byte("opsflow timeline 1\n")) // a hash takes everything
	_, _ = mac.Write(text)
	return mac.Sum(nil)
}
