// Package embedded keeps a table.Table in one bbolt file: ordered keys, in memory or in a directory, with one committer
// for the table and for whatever else of this process must survive with it.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	fileName    = "opsflow.db"
	lockTimeout = 250 * time.Millisecond
	mapBytes    = 64 << 20 // mapped from the start, so that a growing young file does not make the writer wait for readers
)

// Options of Open.
type Options struct {
	// NoSync leaves out the fsync of each commit: a crash of the machine (not of the process) may lose or break the file.
	// In memory it is always so.
	NoSync bool
}

// Open opens the data file in a directory, which it makes if need be; with dir "" everything is in memory and gone with
// Close. One process at a time may have it open. An error is one line and says what is wrong with which file; a file
// that is no data file or is broken is left as it is.
func Open(dir string, o Options) (*DB, error) {
	var path string
	if dir == "" {
		f, err := os.CreateTemp("", "opsflow-*.db")
		if err != nil {
			return nil, fmt.Errorf("open table in memory: %w", err)
		}
		path, o.NoSync = f.Name(), true
		_ = f.Close()
		defer os.Remove(path) //nolint:errcheck // the file is open and needs its name no more
	} else {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("open data directory: %w", err)
		}
		path = filepath.Join(dir, fileName)
	}
	b, err := openFile(path, o)
	if err != nil {
		return nil, err
	}
	db := &DB{bolt: b, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	go db.lead()
	return db, nil
}

// openFile looks through a file that is already there, read-only, and only then opens it for writing.
func openFile(path string, o Options) (*bbolt.DB, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		b, err := openBolt(path, &bbolt.Options{Timeout: lockTimeout, ReadOnly: true})
		if err != nil {
			return nil, err
		}
		if err := errors.Join(walk(b), b.Close()); err != nil {
			return nil, fmt.Errorf("data file %s is corrupt: %s", path, firstLine(err.Error()))
		}
	}
	return openBolt(path, &bbolt.Options{
		Timeout: lockTimeout,
		NoSync:  o.NoSync,
		// The list of free pages is kept in the file: without it bbolt would look for them in a goroutine of its own,
		// whose panic on a broken page nobody can catch.
		NoFreelistSync:  false,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mapBytes,
	})
}

func openBolt(path string, o *bbolt.Options) (b *bbolt.DB, err error) {
	defer catch(&err, "data file "+path+" is corrupt")()
	b, err = bbolt.Open(path, 0o600, o)
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("data file %s is in use by another process", path)
	case errors.As(err, &pathErr):
		return nil, fmt.Errorf("open data file: %w", err)
	case err != nil:
		return nil, fmt.Errorf("data file %s is not an opsflow data file, or is corrupt: %s", path, firstLine(err.Error()))
	}
	return b, nil
}

// catch makes an error of a panic: bbolt panics at a broken page, and one behind the end of the file is a memory fault.
func catch(err *error, what string) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			*err = fmt.Errorf("%s: %s", what, firstLine(fmt.Sprint(r)))
		}
	}
}

// walkKeys is how many keys of each bucket are read from either end when a file is opened: all of a small file, and as much of
// a large one that its size does not matter to how long that takes.
const walkKeys = 2000

// walk reads the branches and leaves of the file, of large buckets both ends.
func walk(b *bbolt.DB) (err error) {
	defer catch(&err, "a page is broken")()
	return b.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(b.Path())
		if err == nil && info.Size() < tx.Size() {
			return fmt.Errorf("it has %d bytes where %d are expected", info.Size(), tx.Size())
		}
		return tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error {
			c := bucket.Cursor()
			for _, from := range []struct{ first, next func() ([]byte, []byte) }{{c.First, c.Next}, {c.Last, c.Prev}} {
				n := 0
				for key, _ := from.first(); key != nil && n < walkKeys; key, _ = from.next() {
					n++
				}
			}
			return nil
		})
	})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// View runs fn on a consistent, read-only state of the file; many may run at once. What fn reads from tx is valid only
// inside of it. Update may not be called from inside fn (it could wait for fn to end).
func (db *DB) View(ctx context.Context, fn func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.bolt.View(fn)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
