package ops

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"sync"
)

// MaxIDLength is the longest id, ours or a caller's, in characters.
const MaxIDLength = 128

const idText = "1 to 128 characters of A-Z a-z 0-9 . _ : -"

// ValidID reports whether s is 1 to 128 characters of A-Z a-z 0-9 . _ : -
func ValidID(s string) bool {
	if s == "" || len(s) > MaxIDLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// HashID is prefix + 26 base32 characters (130 bits) of the hash of the parts: the same parts always give the same
// id, which is what makes an effect happen once however often it is asked for. Parts are kept apart: ("ab","c") and
// ("a","bc") differ.
func HashID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash takes everything
	}
	return prefix + base32Lower.EncodeToString(h.Sum(nil)[:17])[:26]
}

// RandomID is prefix + 26 base32 characters from random.
func RandomID(prefix string, random io.Reader) (string, error) {
	var b [17]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return prefix + base32Lower.EncodeToString(b[:])[:26], nil
}

// Shared makes random bytes safe for concurrent use, which an io.Reader need not be.
func Shared(random io.Reader) io.Reader { return &sharedReader{r: random} }

type sharedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *sharedReader) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(p)
}

// ShardOf is the shard, 0 to Shards-1, that the record with this id belongs to.
func ShardOf(id string) int {
	// FNV-1a, written out: stable for ever, and no allocation.
	h := uint32(2166136261)
	for i := range len(id) {
		h ^= uint32(id[i])
		h *= 16777619
	}
	return int(h % Shards)
}

// shorten makes a value fit for an error message.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
