package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"opsflow/shared/table/embedded"
)

func openDB(t *testing.T, dir string) *embedded.DB {
	t.Helper()
	db, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func put(key, value string) func(tx *bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("test"))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), []byte(value))
	}
}

func get(t *testing.T, db *embedded.DB, key string) (value string) {
	t.Helper()
	err := db.View(t.Context(), func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte("test")); b != nil {
			value = string(b.Get([]byte(key)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestWaitingCallersShareOneCommit(t *testing.T) {
	t.Parallel()
	db := openDB(t, "")
	const n = 50
	var queued, done sync.WaitGroup
	hold, held := make(chan struct{}), make(chan struct{})
	done.Go(func() {
		_ = db.Update(t.Context(), func(*bbolt.Tx) error { close(held); <-hold; return errors.New("nothing written") })
	})
	<-held
	for i := range n {
		queued.Add(1)
		done.Go(func() {
			ctx := &signalled{Context: t.Context(), asked: queued.Done}
			if err := db.Update(ctx, put(strconv.Itoa(i), "x")); err != nil {
				t.Error(err)
			}
		})
	}
	queued.Wait()
	close(hold)
	done.Wait()
	if got := db.Commits(); got != 1 {
		t.Errorf("%d commits for %d waiting callers; want 1", got, n)
	}
	for i := range n {
		if get(t, db, strconv.Itoa(i)) != "x" {
			t.Errorf("the change of caller %d is missing", i)
		}
	}
}

// signalled tells when Update has queued its change and begins to wait: that is when it asks for Done.
type signalled struct {
	context.Context
	asked func()
}

func (s *signalled) Done() <-chan struct{} {
	s.asked()
	return s.Context.Done()
}

func TestOneFailingOrPanickingChangeSparesTheOthers(t *testing.T) {
	t.Parallel()
	db := openDB(t, "")
	var wg sync.WaitGroup
	refused := errors.New("refused")
	for i := range 90 {
		wg.Go(func() {
			switch key := strconv.Itoa(i); i % 3 {
			case 0:
				if err := db.Update(t.Context(), put(key, "x")); err != nil {
					t.Error(err)
				}
			case 1:
				if err := db.Update(t.Context(), func(*bbolt.Tx) error { return refused }); !errors.Is(err, refused) {
					t.Errorf("the refusing change was answered %v", err)
				}
			default:
				defer func() {
					if r := recover(); !strings.Contains(fmt.Sprint(r), "out of luck") {
						t.Errorf("the panic that came back is %v", r)
					}
				}()
				_ = db.Update(t.Context(), func(tx *bbolt.Tx) error {
					if err := put(key, "x")(tx); err != nil {
						return err
					}
					panic("out of luck")
				})
			}
		})
	}
	wg.Wait()
	for i := range 90 {
		want := ""
		if i%3 == 0 {
			want = "x"
		}
		if got := get(t, db, strconv.Itoa(i)); got != want {
			t.Errorf("after change %d there is %q; want %q", i, got, want)
		}
	}
}

func TestChangeWhoseContextEndsInTheQueueNeverRuns(t *testing.T) {
	t.Parallel()
	db := openDB(t, "")
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = db.Update(t.Context(), func(*bbolt.Tx) error { close(held); <-hold; return nil }) })
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	sig := &signalled{Context: ctx, asked: cancel}
	ran := false
	if err := db.Update(sig, func(*bbolt.Tx) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
	close(hold)
	wg.Wait()
	if err := db.Update(t.Context(), put("a", "b")); err != nil { // whatever was queued before has run now
		t.Fatal(err)
	}
	if ran {
		t.Error("the change ran although its context had ended")
	}
}

func TestCloseWaitsForWorkInFlightAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := openDB(t, dir)
	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Update(t.Context(), func(tx *bbolt.Tx) error { close(held); <-hold; return put("a", "kept")(tx) })
		if err != nil {
			t.Errorf("the change in flight was answered %v", err)
		}
	})
	<-held
	for range 2 {
		wg.Go(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	wg.Wait()
	if err := db.Update(t.Context(), put("b", "late")); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
	if err := db.View(t.Context(), func(*bbolt.Tx) error { return nil }); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("View after Close: %v", err)
	}
	if got := get(t, openDB(t, dir), "a"); got != "kept" {
		t.Errorf("after opening again there is %q", got)
	}
}

func TestInMemoryLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	db := openDB(t, "")
	if err := db.Update(t.Context(), put("a", "b")); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("while open there is %v, %v", left, err)
	}
}

func TestUnusableFileIsOneClearLineAndStaysAsItIs(t *testing.T) {
	t.Parallel()
	healthy := func(t *testing.T) []byte {
		t.Helper()
		dir := t.TempDir()
		db := openDB(t, dir)
		for i := range 200 {
			if err := db.Update(t.Context(), put(strconv.Itoa(i), strings.Repeat("x", 5000))); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "opsflow.db"))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, tc := range map[string]struct {
		content func(t *testing.T) []byte
		want    string
	}{
		"text":      {func(*testing.T) []byte { return []byte(strings.Repeat("not a data file\n", 4000)) }, "not an opsflow data file"},
		"short":     {func(*testing.T) []byte { return []byte("hello") }, "not an opsflow data file"},
		"truncated": {func(t *testing.T) []byte { raw := healthy(t); return raw[:300_000] }, "corrupt"},
		"overwritten": {func(t *testing.T) []byte {
			raw := healthy(t)
			for i := 2 * 4096; i < len(raw); i++ {
				raw[i] = 0xA5
			}
			return raw
		}, "corrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, content := t.TempDir(), tc.content(t)
			path := filepath.Join(dir, "opsflow.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a second try shows that the first one let go of the lock
				_, err := embedded.Open(dir, embedded.Options{})
				if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v; want one line with %q", err, tc.want)
				}
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(content) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestUnusableDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(file, embedded.Options{}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a file as directory: %v", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "opsflow.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(dir, embedded.Options{}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a directory as data file: %v", err)
	}
}

func TestSecondOpenerIsToldThatTheFileIsInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openDB(t, dir)
	if _, err := embedded.Open(dir, embedded.Options{}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("got %v", err)
	}
}
