// Package uuid makes the identifiers that AWS's services give.
package uuid

import (
	"fmt"
	"io"
)

// New makes a random UUID (RFC 9562, version 4) in lower case.
func New(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return Text(b), nil
}

// Text writes 16 bytes as UUIDs are written, whatever their version.
func Text(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
