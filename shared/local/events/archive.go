package events

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/events/pattern"
)

// archivedBucket has a bucket for every archive: event texts by time of acceptance and a number.
var archivedBucket = []byte("events.archived")

// Archive keeps the events of a bus, from its creation on, so that they can be replayed. It keeps no replayed ones.
type Archive struct {
	Name          string
	ARN           string // set by the engine
	SourceARN     string // of the bus
	Description   string `json:",omitempty"`
	Pattern       string `json:",omitempty"` // empty: every event
	RetentionDays int    `json:",omitempty"` // 0: for ever
	Created       time.Time
}

// ArchiveSize is what an archive holds.
type ArchiveSize struct {
	Events int
	Bytes  int
}

type archive struct {
	Archive
	pattern *pattern.Pattern
}

type archived struct {
	archive Archive
	at      time.Time
	text    []byte
}

func compileArchive(a Archive) (*archive, error) {
	c := &archive{Archive: a}
	if a.Pattern != "" {
		p, err := compilePattern(a.Pattern)
		if err != nil {
			return nil, err
		}
		c.pattern = p
	}
	return c, nil
}

// CreateArchive makes an archive of a bus. ResourceAlreadyExistsException, ResourceNotFoundException (no such bus),
// InvalidEventPatternException or ValidationException.
func (e *Engine) CreateArchive(ctx context.Context, a Archive) (Archive, error) {
	return e.putArchive(ctx, a, func(old *archive) (Archive, error) {
		if old != nil {
			return Archive{}, exists("Archive %s already exists.", a.Name)
		}
		return a, nil
	})
}

// UpdateArchive changes what an archive keeps from now on, its description and its retention.
func (e *Engine) UpdateArchive(ctx context.Context, a Archive) (Archive, error) {
	return e.putArchive(ctx, a, func(old *archive) (Archive, error) {
		if old == nil {
			return Archive{}, noArchive(a.Name)
		}
		changed := old.Archive
		changed.Description, changed.Pattern, changed.RetentionDays = a.Description, a.Pattern, a.RetentionDays
		return changed, nil
	})
}

func noArchive(name string) error { return notFound("Archive %s does not exist.", name) }

func (e *Engine) putArchive(ctx context.Context, a Archive, decide func(old *archive) (Archive, error)) (Archive, error) {
	if err := checkName("archiveName", a.Name, 48); err != nil {
		return Archive{}, err
	}
	var f constraint.Faults
	if f.Range("retentionDays", a.RetentionDays, 0, math.MaxInt32); f != nil {
		return Archive{}, broken(f)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	a, err := decide(e.archives[a.Name])
	if err != nil {
		return Archive{}, err
	}
	b := e.buses[busName(a.SourceARN)]
	if b == nil {
		return Archive{}, noBus(busName(a.SourceARN))
	}
	a.SourceARN, a.ARN = b.ARN, e.arn("archive/"+a.Name)
	if a.Created.IsZero() {
		a.Created = e.o.Clock.Now()
	}
	c, err := compileArchive(a)
	if err != nil {
		return Archive{}, err
	}
	if err := e.store(ctx, "archive/"+a.Name, a); err != nil {
		return Archive{}, fmt.Errorf("put archive %s: %w", a.Name, err)
	}
	e.archives[a.Name] = c
	return a, nil
}

// Archive gives an archive and what it holds.
func (e *Engine) Archive(ctx context.Context, name string) (Archive, ArchiveSize, error) {
	e.mu.RLock()
	a := e.archives[name]
	e.mu.RUnlock()
	if a == nil {
		return Archive{}, ArchiveSize{}, noArchive(name)
	}
	var size ArchiveSize
	err := e.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(archivedBucket).Bucket([]byte(name))
		if b == nil {
			return nil
		}
		return b.ForEach(func(_, v []byte) error {
			size.Events++
			size.Bytes += len(v)
			return nil
		})
	})
	if err != nil {
		return Archive{}, ArchiveSize{}, fmt.Errorf("measure archive %s: %w", name, err)
	}
	return a.Archive, size, nil
}

// Archives gives all archives, by name.
func (e *Engine) Archives() []Archive {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var all []Archive
	for _, name := range slices.Sorted(maps.Keys(e.archives)) {
		all = append(all, e.archives[name].Archive)
	}
	return all
}

// DeleteArchive removes an archive and what it holds.
func (e *Engine) DeleteArchive(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.archives[name] == nil {
		return noArchive(name)
	}
	err := e.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		all := tx.Bucket(archivedBucket)
		if all.Bucket([]byte(name)) != nil {
			if err := all.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		return tx.Bucket(configBucket).Delete([]byte("archive/" + name))
	})
	if err != nil {
		return fmt.Errorf("delete archive %s: %w", name, err)
	}
	delete(e.archives, name)
	return nil
}

// putArchived writes events into their archives and takes out what has been there for longer than the retention.
func putArchived(tx *bbolt.Tx, keep []archived) error {
	for _, k := range keep {
		b, err := tx.Bucket(archivedBucket).CreateBucketIfNotExists([]byte(k.archive.Name))
		if err != nil {
			return err
		}
		seq, err := b.NextSequence()
		if err != nil {
			return err
		}
		if err := b.Put(archiveKey(k.at, seq), k.text); err != nil {
			return err
		}
		if k.archive.RetentionDays == 0 {
			continue
		}
		oldest := archiveKey(k.at.AddDate(0, 0, -k.archive.RetentionDays), 0)
		c := b.Cursor()
		for key, _ := c.First(); key != nil && string(key) < string(oldest); key, _ = c.First() {
			if err := c.Delete(); err != nil {
				return err
			}
		}
	}
	return nil
}

func archiveKey(at time.Time, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(max(at.UnixNano(), 0))), seq)
}
