package logs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// segment is a part of a log, in a file or in memory. Its zero value is one in memory.
type segment struct {
	base int64 // where it begins in the log
	size int64
	path string
	file *os.File // nil: none was written
	text []byte   // of one in memory
}

// open takes the file of an earlier run, if there is one.
func (g *segment) open(path string) error {
	g.path = path
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	g.file, g.size = f, info.Size()
	return g.mend()
}

// mend ends a line that a crash cut off, so that the next does not go on with it.
func (g *segment) mend() error {
	last := make([]byte, 1)
	if g.size == 0 {
		return nil
	}
	if _, err := g.file.ReadAt(last, g.size-1); err != nil || last[0] == '\n' {
		return err
	}
	return g.append([]byte("\n"))
}

func (g *segment) append(text []byte) error {
	if g.path == "" {
		g.text = append(g.text, text...)
		g.size += int64(len(text))
		return nil
	}
	if g.file == nil {
		f, err := os.OpenFile(g.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		g.file = f
	}
	n, err := g.file.Write(text)
	g.size += int64(n)
	return err
}

// replaceBy takes the place of what was before: next goes on empty.
func (g *segment) replaceBy(next *segment) error {
	if g.path == "" {
		*g, next.text, next.size = *next, nil, 0
		return nil
	}
	err := errors.Join(g.close(), os.Rename(next.path, g.path))
	g.base, g.size, g.file = next.base, next.size, next.file
	next.size, next.file = 0, nil
	return err
}

// from gives what begins at a place in the log, or behind it.
func (g *segment) from(place int64) ([]byte, error) {
	skip := max(place-g.base, 0)
	if skip >= g.size {
		return nil, nil
	}
	if g.file == nil {
		return g.text[skip:], nil
	}
	out := make([]byte, g.size-skip)
	n, err := g.file.ReadAt(out, skip)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", g.path, err)
	}
	return out[:n], nil
}

func (g *segment) close() error {
	if g.file == nil {
		return nil
	}
	return g.file.Close()
}
