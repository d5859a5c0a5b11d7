package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// minSessionKey is the least number of bytes of a session key.
const minSessionKey = 32

// sealer writes values into cookies so that nobody else can read or change them (AES-256-GCM). It is safe for concurrent use.
type sealer struct {
	aead   cipher.AEAD
	random io.Reader
}

// newSealer derives the key from the configured text. No text: nil, and nobody can sign in.
func newSealer(key string, random io.Reader) (*sealer, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) < minSessionKey {
		return nil, fmt.Errorf("the console's session key has %d bytes; it needs at least %d", len(key), minSessionKey)
	}
	derived, err := hkdf.Key(sha256.New, []byte(key), nil, "opsflow console", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the console's session key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("use the console's session key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("use the console's session key: %w", err)
	}
	return &sealer{aead: aead, random: random}, nil
}

// close seals v for a purpose; what is sealed for one opens for no other.
func (s *sealer) close(purpose string, v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", purpose, err)
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(text)+s.aead.Overhead())
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return "", fmt.Errorf("seal %s: %w", purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, text, []byte(purpose))), nil
}

// open reads what close wrote.
func (s *sealer) open(purpose, sealed string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return fmt.Errorf("open %s: %w", purpose, err)
	}
	if len(b) < s.aead.NonceSize() {
		return errors.New("open " + purpose + ": too short")
	}
	text, err := s.aead.Open(nil, b[:s.aead.NonceSize()], b[s.aead.NonceSize():], []byte(purpose))
	if err != nil {
		return fmt.Errorf("open %s: %w", purpose, err)
	}
	return json.Unmarshal(text, v)
}
