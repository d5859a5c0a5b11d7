package watch_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"opsflow/shared/local/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// await waits until all of these have been told.
func await(t *testing.T, w *watch.Watcher, paths ...string) {
	t.Helper()
	for len(paths) > 0 {
		select {
		case batch := <-w.Changes:
			paths = slices.DeleteFunc(paths, func(p string) bool { return slices.Contains(batch, p) })
		case err := <-w.Failed:
			t.Fatal(err)
		case <-t.Context().Done():
			t.Fatalf("nothing was told of %v", paths)
		}
	}
}

func TestChangesOfFilesAreTold(t *testing.T) {
	t.Parallel()
	alone, tree := t.TempDir(), t.TempDir()
	in := func(parts ...string) string { return filepath.Join(append([]string{tree}, parts...)...) }
	write(t, in("below", "a.go"), "1")
	write(t, in("testdata", "x.go"), "1")
	w, err := watch.Start([]string{alone}, []string{tree})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	write(t, filepath.Join(alone, "template.yaml"), "1")
	write(t, in("below", "a.go"), "2")
	await(t, w, filepath.Join(alone, "template.yaml"), in("below", "a.go"))

	write(t, in("new", "deeper", "b.go"), "1") // in folders that are made now
	await(t, w, in("new", "deeper", "b.go"))
	write(t, in("new", "deeper", "b.go"), "2")
	await(t, w, in("new", "deeper", "b.go"))

	if err := os.Rename(in("below", "a.go"), in("below", "c.go")); err != nil {
		t.Fatal(err)
	}
	await(t, w, in("below", "a.go"), in("below", "c.go"))
	if err := os.Remove(in("below", "c.go")); err != nil {
		t.Fatal(err)
	}
	await(t, w, in("below", "c.go"))

	write(t, in("testdata", "x.go"), "2") // not watched
	write(t, in("below", "d.go"), "1")
	if batch := <-w.Changes; !slices.Equal(batch, []string{in("below", "d.go")}) {
		t.Errorf("got %v", batch)
	}
}

func TestFolderThatIsNotThereCannotBeWatched(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for _, c := range []struct{ folders, trees []string }{{[]string{nowhere}, nil}, {nil, []string{nowhere}}} {
		if _, err := watch.Start(c.folders, c.trees); err == nil {
			t.Errorf("%v is watched", c)
		}
	}
}
