// Package watch tells which files below some folders have changed.
package watch

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// quiet is how long nothing must change before what has changed is told: editors, and tools that check out branches, write
// several files one after the other.
const quiet = 60 * time.Millisecond

// Watcher watches folders. Close it.
type Watcher struct {
	// Changes gives the paths of files that were written, made, renamed or removed, sorted, a batch at a time. It is closed by
	// Close.
	Changes <-chan []string
	// Failed gets an error of the system's, after which something may have been missed.
	Failed <-chan error

	system  *fsnotify.Watcher
	changes chan []string
	failed  chan error
	ended   chan struct{}
}

// Start begins to watch folders, and trees of them: with the folders below but for hidden ones and testdata, also those that
// are made later.
func Start(folders, trees []string) (*Watcher, error) {
	system, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	w := &Watcher{system: system, changes: make(chan []string), failed: make(chan error, 1), ended: make(chan struct{})}
	w.Changes, w.Failed = w.changes, w.failed
	for _, path := range trees {
		if _, err := w.add(path); err != nil {
			_ = system.Close() // the error says more
			return nil, err
		}
	}
	for _, path := range folders {
		if err := system.Add(path); err != nil {
			_ = system.Close() // as above
			return nil, fmt.Errorf("watch %s: %w", path, err)
		}
	}
	go w.run()
	return w, nil
}

// add watches a folder and those below it, and gives the files that are there.
func (w *Watcher) add(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			if os.IsNotExist(err) && path != root {
				return nil // gone meanwhile
			}
			return err
		case !d.IsDir():
			files = append(files, path)
			return nil
		case path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		}
		return w.system.Add(path)
	})
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	return files, nil
}

// run gathers what changes until nothing does for a moment.
func (w *Watcher) run() {
	defer close(w.ended)
	defer close(w.changes)
	changed := map[string]bool{}
	var full chan<- []string // nil: there is nothing to tell, or more may come
	var batch []string
	rest := time.NewTimer(0)
	rest.Stop()
	defer rest.Stop()
	for {
		select {
		case e, ok := <-w.system.Events:
			if !ok {
				return
			}
			if w.note(e, changed) {
				full = nil
				rest.Reset(quiet)
			}
		case err, ok := <-w.system.Errors:
			if !ok {
				return
			}
			select {
			case w.failed <- err:
			default: // one that was not taken says as much
			}
		case <-rest.C:
			batch, full = slices.Sorted(maps.Keys(changed)), w.changes
		case full <- batch:
			full = nil
			clear(changed)
		}
	}
}

// note takes a change down, and reports whether it was one of a file's content or name.
func (w *Watcher) note(e fsnotify.Event, changed map[string]bool) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	if e.Has(fsnotify.Create) {
		if info, err := os.Stat(e.Name); err == nil && info.IsDir() {
			if strings.HasPrefix(info.Name(), ".") || info.Name() == "testdata" {
				return false
			}
			files, err := w.add(e.Name)
			for _, f := range files { // made before the folder was watched
				changed[f] = true
			}
			return err == nil && len(files) > 0
		}
	}
	changed[e.Name] = true
	return true
}

// Close ends it.
func (w *Watcher) Close() error {
	err := w.system.Close()
	<-w.ended
	return err
}
