package logs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"opsflow/shared/local/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// bundle is a store whose clock goes on by a second whenever it is looked at: by a log, a stream, and what is said.
type bundle struct {
	*logs.Store
	t *testing.T

	mu  sync.Mutex
	now time.Time
}

func setup(t *testing.T, o logs.Options) *bundle {
	t.Helper()
	b := &bundle{t: t, now: noon}
	o.Now = func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now = b.now.Add(time.Second)
		return b.now
	}
	var err error
	if b.Store, err = logs.Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

func (b *bundle) close() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Error(err)
	}
}

// messages of a query, one after the other.
func (b *bundle) messages(q logs.Query) (all string, next map[string]int64) {
	b.t.Helper()
	lines, next, err := b.Read(q)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		out = append(out, l.Message)
	}
	return strings.Join(out, " "), next
}

func TestLinesAreReadInTheOrderInWhichTheyWereSaid(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", t.TempDir()} {
		b := setup(t, logs.Options{Dir: dir})
		one, two := b.Of("one", "").Stream(), b.Of("two", "").Stream()
		one.Print("a\n\nb\r\n")
		two.Print("c")
		one.Print("d")
		if got, _ := b.messages(logs.Query{}); got != "a b c d" {
			t.Errorf("everything: %s", got)
		}
		if got, _ := b.messages(logs.Query{Function: "two"}); got != "c" {
			t.Errorf("one function's: %s", got)
		}
		if got, _ := b.messages(logs.Query{Since: noon.Add(6 * time.Second)}); got != "c d" {
			t.Errorf("the last: %s", got)
		}
	}
}

func TestReadingGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	b := setup(t, logs.Options{})
	st := b.Of("one", "").Stream()
	st.Print("a")
	_, next := b.messages(logs.Query{})
	changed := b.Changed()
	if got, _ := b.messages(logs.Query{After: next}); got != "" {
		t.Errorf("nothing was said, but: %s", got)
	}
	st.Print("b")
	b.Of("two", "").Stream().Print("c")
	<-changed
	if got, _ := b.messages(logs.Query{After: next}); got != "b c" {
		t.Errorf("got %s", got)
	}
}

func TestFilesAreBoundedAndKeepTheLastLines(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", t.TempDir()} {
		b := setup(t, logs.Options{Dir: dir, Size: 1000})
		st := b.Of("one", "").Stream()
		var next map[string]int64
		for i := range 100 {
			st.Print(fmt.Sprintf("line-%d", i))
			if i == 97 {
				_, next = b.messages(logs.Query{})
			}
			b.messages(logs.Query{}) // so that it is in a file
		}
		all, _ := b.messages(logs.Query{})
		if n := len(strings.Fields(all)); n < 8 || n > 26 || !strings.HasSuffix(all, "line-98 line-99") {
			t.Errorf("of 100 lines there are %d: %s", n, all)
		}
		if got, _ := b.messages(logs.Query{After: next}); got != "line-98 line-99" {
			t.Errorf("after line 97: %s", got)
		}
		if dir == "" {
			continue
		}
		for _, name := range []string{"one.log", "one.log.1"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > 1000 {
				t.Errorf("%s: %v %v", name, info, err)
			}
		}
	}
}

func TestLinesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := setup(t, logs.Options{Dir: dir})
	b.Of("one", "").Stream().Print("before")
	b.close()
	path := filepath.Join(dir, "one.log")
	text, err := os.ReadFile(path)
	if err != nil || !regexp.MustCompile(`^2026-11-24T12:00:\d\d\.000Z 2026/11/24/\[\$LATEST\][0-9a-f]{32} before\n$`).Match(text) {
		t.Errorf("the file: %s %v", text, err)
	}
	if err := os.WriteFile(path, append(text, "2026-11-24T12:0"...), 0o600); err != nil { // cut off by a crash
		t.Fatal(err)
	}
	again := setup(t, logs.Options{Dir: dir})
	again.Of("one", "").Stream().Print("after")
	if got, _ := again.messages(logs.Query{}); got != "before after" {
		t.Errorf("got %s", got)
	}
}

func TestLinesAreEchoedWithTheirFunction(t *testing.T) {
	t.Parallel()
	var echo bytes.Buffer
	b := setup(t, logs.Options{Echo: &echo})
	b.Of("one", "").Stream().Print("a\nb")
	b.close()
	if got := echo.String(); got != "one | a\none | b\n" {
		t.Errorf("got %q", got)
	}
}

func TestFolderThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := logs.Open(logs.Options{Dir: filepath.Join(file, "logs"), Now: time.Now}); err == nil {
		t.Error("opened")
	}
}
