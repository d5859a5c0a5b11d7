package states

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

// randomBelow is a whole number from 0 to n-1.
func randomBelow(random io.Reader, n uint64) (uint64, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return 0, fmt.Errorf("read random bytes: %w", err)
	}
	source := rand.NewPCG(binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:]))
	return rand.New(source).Uint64N(n), nil
}

// mathRandom is a number from the first argument (inclusive) to the second (exclusive); the third seeds it.
func mathRandom(args []any, random io.Reader) (any, error) {
	from, err := intArg(args[0])
	if err != nil {
		return nil, err
	}
	to, err := intArg(args[1])
	if err != nil {
		return nil, err
	}
	if to <= from {
		return nil, errors.New("the end must be above the start")
	}
	span := uint64(to) - uint64(from)
	if len(args) == 3 {
		seed, err := intArg(args[2])
		if err != nil {
			return nil, err
		}
		seeded := rand.New(rand.NewPCG(uint64(seed), 0))
		return number(from + int64(seeded.Uint64N(span))), nil
	}
	n, err := randomBelow(random, span)
	return number(from + int64(n)), err
}
