// Package logs is CloudWatch Logs on this machine: what each function says, or a rule writes to a log group, line by line, in
// a file of its own or in memory, bounded in size, for people to follow, and for clients of CloudWatch Logs to read (Handler).
package logs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxSegment is how large a file of a log becomes before another is begun. The one before it is kept.
const maxSegment = 2 << 20

// Options of Open.
type Options struct {
	Dir  string           // folder of the files, one per function; empty: memory
	Echo io.Writer        // gets each line with the function's name before it; nil: nobody does
	Now  func() time.Time // time of a line
	Size int              // of a file, in bytes, before another is begun; 0: 2 MiB
}

// Store is the logs of all functions. Lines are written by one goroutine in the background, as many at once as have come, so
// that no invocation waits for the disk; whoever reads sees every line that was said before. All methods are safe for
// concurrent use.
type Store struct {
	o    Options
	wake chan struct{} // lines wait
	done chan struct{} // closed when nothing more is written

	mu      sync.Mutex
	logs    map[string]*Log // by function
	changed chan struct{}   // closed at the next line
	closed  bool

	echo sync.Mutex
}

// Open opens the logs of a folder, with what was said in earlier runs. Close it.
func Open(o Options) (*Store, error) {
	if o.Size == 0 {
		o.Size = maxSegment
	}
	s := &Store{
		o: o, wake: make(chan struct{}, 1), done: make(chan struct{}),
		logs: map[string]*Log{}, changed: make(chan struct{}),
	}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("make the folder of logs: %w", err)
		}
	}
	go s.write()
	return s, nil
}

// Log is what one function says.
type Log struct {
	store    *Store
	function string

	// With the lock of the store.
	group   string
	made    time.Time
	pending []byte // lines that are not in a segment

	io       sync.Mutex // taken before the lock of the store
	old, now segment
	fault    error // the first
}

// Of gives the log of a function, in a log group; empty: the one that Lambda makes. What can't be written is told by Close.
func (s *Store) Of(function, group string) *Log {
	if group == "" {
		group = defaultGroup + function
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logs[function]
	if l == nil {
		l = &Log{store: s, function: function, made: s.o.Now()}
		if s.o.Dir != "" {
			path := filepath.Join(s.o.Dir, function+".log")
			if err := errors.Join(l.old.open(path+".1"), l.now.open(path)); err != nil {
				l.fault = fmt.Errorf("open the log of %s: %w", function, err)
			}
		}
		l.now.base = l.old.size
		s.logs[function] = l
	}
	l.group = group
	return l
}

const defaultGroup = "/aws/lambda/"

// Group is the name of the log group.
func (l *Log) Group() string {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return l.group
}

// Stream is what one execution environment of a function says.
type Stream struct {
	log  *Log
	name string
}

// Stream begins a stream, named as Lambda names it.
func (l *Log) Stream() *Stream {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	whose := ""
	if l.Group() != defaultGroup+l.function {
		whose = l.function // functions share the group
	}
	return &Stream{l, l.store.o.Now().UTC().Format("2006/01/02/") + whose + "[$LATEST]" + hex.EncodeToString(b[:])}
}

// Named gives the stream of a name without spaces.
func (l *Log) Named(name string) *Stream { return &Stream{l, name} }

// Name is "2026/11/27/[$LATEST]" and 32 hexadecimal digits.
func (st *Stream) Name() string { return st.name }

// Group is the name of the log group that the stream is in.
func (st *Stream) Group() string { return st.log.Group() }

// timeLayout has one width, so that lines can be compared as text.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Print says lines, all at one time. Empty ones are left out, as CloudWatch Logs does.
func (st *Stream) Print(text string) {
	s := st.log.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	now := s.o.Now().UTC()
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			continue
		}
		l := st.log
		l.pending = now.AppendFormat(l.pending, timeLayout)
		l.pending = append(append(l.pending, ' '), st.name...)
		l.pending = append(append(l.pending, ' '), line...)
		l.pending = append(l.pending, '\n')
	}
	select {
	case s.wake <- struct{}{}:
	default: // it is awake already
	}
}

// write takes lines out of the way of those who say them, until the store is closed.
func (s *Store) write() {
	defer close(s.done)
	for range s.wake {
		for _, l := range s.all() {
			l.drain()
		}
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

// all gives the logs by the names of their functions.
func (s *Store) all() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Log, 0, len(s.logs))
	for _, name := range slices.Sorted(maps.Keys(s.logs)) {
		out = append(out, s.logs[name])
	}
	return out
}

// drain writes what waits.
func (l *Log) drain() {
	l.io.Lock()
	defer l.io.Unlock()
	l.drainLocked()
}

func (l *Log) drainLocked() {
	l.store.mu.Lock()
	text := l.pending
	l.pending = nil
	l.store.mu.Unlock()
	if len(text) == 0 {
		return
	}
	if l.now.size > 0 && l.now.size+int64(len(text)) > int64(l.store.o.Size) {
		l.rotate()
	}
	if err := l.now.append(text); err != nil && l.fault == nil {
		l.fault = fmt.Errorf("write the log of %s: %w", l.function, err)
	}
	if l.store.o.Echo != nil {
		l.store.echoLines(l.function, text)
	}
}

func (l *Log) rotate() {
	base := l.now.base + l.now.size
	if err := l.old.replaceBy(&l.now); err != nil && l.fault == nil {
		l.fault = fmt.Errorf("begin another log of %s: %w", l.function, err)
	}
	l.now.base = base
}

func (s *Store) echoLines(function string, text []byte) {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if _, _, message, ok := parse(line); ok {
			fmt.Fprintf(&b, "%s | %s\n", function, message)
		}
	}
	s.echo.Lock()
	defer s.echo.Unlock()
	_, _ = io.WriteString(s.o.Echo, b.String()) // a terminal that is gone has nobody to tell
}

// Changed is closed when a line is said after this call.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Close writes what was said, and gives the first error of any write.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.wake)
	s.mu.Unlock()
	<-s.done
	var errs []error
	for _, l := range s.all() {
		l.drain()
		l.io.Lock()
		errs = append(errs, l.fault, l.old.close(), l.now.close())
		l.io.Unlock()
	}
	return errors.Join(errs...)
}
