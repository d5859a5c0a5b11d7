package lambda

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"syscall"

	"opsflow/shared/local/logs"
)

// maxLine is how long a line of output becomes before it is cut: an event of CloudWatch Logs has no more.
const maxLine = 1 << 20

// output reads what a process writes to its stdout and stderr, which are one pipe, and says it line by line. Drain makes sure
// that all is said that was written until then.
type output struct {
	pipe   *os.File
	stream *logs.Stream

	mu      sync.Mutex
	partial []byte
	buffer  [4096]byte
	now     *transcript // of the invocation that the process works on; nil: of none
}

// during says what comes from now on in an invocation; nil: in none.
func (o *output) during(t *transcript) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = t
}

// read goes on until nobody can write any more.
func (o *output) read() {
	defer func() { _ = o.pipe.Close() }() // it was read to its end
	raw, err := o.pipe.SyscallConn()
	if err != nil { // never, of a pipe
		return
	}
	_ = raw.Read(func(fd uintptr) bool { // its end is what ends this
		return !o.take(fd)
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.say(o.partial)
}

// drain takes what is in the pipe.
func (o *output) drain() {
	raw, err := o.pipe.SyscallConn()
	if err != nil { // it has ended
		return
	}
	_ = raw.Control(func(fd uintptr) { o.take(fd) }) // as above
}

// take reads what there is without waiting, and reports whether more may come.
func (o *output) take(fd uintptr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		n, err := readPipe(fd, o.buffer[:])
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return true
		case err != nil || n == 0:
			return false
		default:
			o.split(o.buffer[:n])
		}
	}
}

func (o *output) split(text []byte) {
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		o.partial, text = append(o.partial, line...), rest
		if whole || len(o.partial) > maxLine {
			o.say(o.partial)
			o.partial = o.partial[:0]
		}
	}
}

func (o *output) say(line []byte) {
	switch {
	case len(line) == 0:
	case o.now != nil:
		o.now.print(o.stream, string(line))
	case o.stream != nil:
		o.stream.Print(string(line))
	}
}
