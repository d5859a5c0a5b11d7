package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

const macBytes = 16

// SealCursor implements ops.Cursors.
func (s *Store) SealCursor(ctx context.Context, scope string, p ops.Position) (string, error) {
	secret, err := s.cursorSecret(ctx)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write a cursor: %w", err)
	}
	// The text comes first: no cursor begins with a hyphen then, which a command line would take for a flag.
	return base64.RawURLEncoding.EncodeToString(append(text, sign(secret, scope, text)...)), nil
}

// OpenCursor implements ops.Cursors.
func (s *Store) OpenCursor(ctx context.Context, scope, cursor string) (ops.Position, error) {
	var p ops.Position
	if cursor == "" {
		return p, nil
	}
	secret, err := s.cursorSecret(ctx)
	if err != nil {
		return p, err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < macBytes {
		return p, ops.BadCursor(cursor)
	}
	text, mac := raw[:len(raw)-macBytes], raw[len(raw)-macBytes:]
	if !hmac.Equal(mac, sign(secret, scope, text)) || json.Unmarshal(text, &p) != nil {
		return ops.Position{}, ops.BadCursor(cursor)
	}
	return p, nil
}

func sign(secret []byte, scope string, text []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(strconv.Itoa(len(scope)) + ":" + scope))
	mac.Write(text)
	return mac.Sum(nil)[:macBytes]
}

// cursorSecret gives the table's secret, which whoever comes first makes.
func (s *Store) cursorSecret(ctx context.Context) ([]byte, error) {
	s.secretMu.Lock()
	defer s.secretMu.Unlock()
	if s.secret != nil {
		return s.secret, nil
	}
	secret, err := s.readSecret(ctx)
	if err == nil && secret == nil {
		err = s.makeSecret(ctx)
		if err == nil {
			secret, err = s.readSecret(ctx)
		}
		if err == nil && secret == nil {
			err = fmt.Errorf("item %s vanished", secretKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret that signs cursors: %w", err)
	}
	s.secret = secret
	return secret, nil
}

// secretData is the item at secretKey.
type secretData struct {
	Key []byte `json:"key"`
}

// readSecret gives nil when there is none yet.
func (s *Store) readSecret(ctx context.Context) ([]byte, error) {
	item, found, err := s.table.Get(ctx, secretKey)
	if err != nil || !found {
		return nil, inWords(err)
	}
	var data secretData
	if err := json.Unmarshal(item.Data, &data); err != nil {
		return nil, err
	}
	if len(data.Key) == 0 {
		return nil, fmt.Errorf("item %s is empty", secretKey)
	}
	return data.Key, nil
}

// makeSecret stores a new secret, unless somebody else was faster.
func (s *Store) makeSecret(ctx context.Context) error {
	write, err := s.newWrite()
	if err != nil {
		return err
	}
	data := secretData{Key: make([]byte, 32)}
	if err := s.readRandom(data.Key); err != nil {
		return err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	write.Puts = []table.Put{{Item: table.Item{Key: secretKey, Data: text}}}
	err = s.table.Write(ctx, write)
	if _, lost := errors.AsType[*table.ConditionError](err); lost {
		return nil
	}
	return inWords(err)
}

func (s *Store) readRandom(b []byte) error {
	if _, err := io.ReadFull(s.random, b); err != nil {
		return fmt.Errorf("read random bytes: %w", err)
	}
	return nil
}
