package lambda

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"opsflow/shared/local/logs"
)

// invocation is one run of a function.
type invocation struct {
	function Function
	id       string
	payload  []byte
	trace    string // X-Ray's header
	client   string // the client context, JSON; empty: none
	stream   *logs.Stream
	said     *transcript
	logger   *slog.Logger
	release  func() // makes room for another
}

// transcript takes what is said during an invocation to the function's log, and keeps the end of it for whoever asked. It is
// safe for concurrent use.
type transcript struct {
	mu   sync.Mutex
	keep bool
	tail []byte
}

// maxTail is how many bytes of its log Invoke answers with.
const maxTail = 4 << 10

func (t *transcript) print(to *logs.Stream, text string) {
	if to != nil {
		to.Print(text)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.keep {
		return
	}
	t.tail = append(t.tail, text...)
	if !strings.HasSuffix(text, "\n") {
		t.tail = append(t.tail, '\n')
	}
	t.tail = t.tail[max(len(t.tail)-maxTail, 0):]
}

// end gives the last of what was said.
func (t *transcript) end() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.tail)
}

// print says something in the name of Lambda.
func (in *invocation) print(format string, args ...any) {
	in.said.print(in.stream, fmt.Sprintf(format, args...))
}

func (in *invocation) begin() {
	in.said.print(in.stream, "START RequestId: "+in.id+" Version: $LATEST")
}

// report is what Lambda says at the end of an invocation.
type report struct {
	took   time.Duration
	init   time.Duration // of a cold start that came before; 0: there was none
	usedMB int           // the most memory that was used; 0: nobody knows
	status string        // "timeout", "error" or empty
	kind   string        // of an error
}

// end closes the log of an invocation. Since August 2025 the time of a cold start is billed too.
func (in *invocation) end(r report) {
	b := make([]byte, 0, 256)
	b = append(append(b, "END RequestId: "...), in.id...)
	b = append(append(b, "\nREPORT RequestId: "...), in.id...)
	b = appendMilliseconds(append(b, "\tDuration: "...), r.took)
	b = strconv.AppendInt(append(b, " ms\tBilled Duration: "...), (r.took + r.init + time.Millisecond - 1).Milliseconds(), 10)
	b = strconv.AppendInt(append(b, " ms\tMemory Size: "...), int64(in.function.MemoryMB), 10)
	b = append(b, " MB\t"...)
	if r.usedMB > 0 {
		b = strconv.AppendInt(append(b, "Max Memory Used: "...), int64(r.usedMB), 10)
		b = append(b, " MB\t"...)
	}
	if r.init > 0 {
		b = appendMilliseconds(append(b, "Init Duration: "...), r.init)
		b = append(b, " ms\t"...)
	}
	if r.status != "" {
		b = append(append(b, "Status: "...), r.status...)
	}
	if r.kind != "" {
		b = append(append(b, "\tError Type: "...), r.kind...)
	}
	in.said.print(in.stream, string(b))
}

func appendMilliseconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, milliseconds(d), 'f', 2, 64)
}

// timeout says that the time is up.
func (in *invocation) timeout() {
	in.print("%s %s Task timed out after %.2f seconds",
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), in.id, in.function.Timeout.Seconds())
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// requestID makes a version 4 UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// traceHeader makes the header of a trace that is not sampled.
func traceHeader() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // as above
	t := make([]byte, 0, len("Root=1-00000000-;Parent=;Sampled=0")+2*len(b))
	t = binary.BigEndian.AppendUint32(t, uint32(time.Now().Unix()))
	since := hex.EncodeToString(t)
	t = append(append(t[:0], "Root=1-"...), since...)
	t = hex.AppendEncode(append(t, '-'), b[:12])
	t = hex.AppendEncode(append(t, ";Parent="...), b[12:])
	return string(append(t, ";Sampled=0"...))
}
