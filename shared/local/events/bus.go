package events

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/events/destination"
)

// configBucket holds buses ("bus/<name>"), rules with their targets ("rule/<bus>/<name>"), archives ("archive/<name>"),
// connections ("connection/<name>"), API destinations ("destination/<name>") and tags ("tags/<ARN>"). Names have no slash but those of partner buses, which the local runtime does not have.
var configBucket = []byte("events.config")

// Bus is an event bus.
type Bus struct {
	Name string
	ARN  string
	Settings
	Policy   string `json:",omitempty"` // a policy document: who may send to it
	Created  time.Time
	Modified time.Time
}

// Settings are what can be said of a bus. What of it means nothing on one machine is kept and shown.
type Settings struct {
	Description      string            `json:",omitempty"`
	KMSKey           string            `json:"KmsKeyIdentifier,omitempty"`
	DeadLetterConfig *DeadLetterConfig `json:",omitempty"`
	LogConfig        json.RawMessage   `json:",omitempty"`
}

// bus is a Bus and its rules by name; both are guarded by the engine's mu. A rule in it never changes: an update puts
// another in its place.
type bus struct {
	Bus
	rules map[string]*rule
}

func (e *Engine) loadConfig(k, v []byte) error {
	kind, rest, _ := strings.Cut(string(k), "/")
	switch kind {
	case "bus":
		b := &bus{rules: map[string]*rule{}}
		if err := json.Unmarshal(v, &b.Bus); err != nil {
			return fmt.Errorf("read bus %s: %w", rest, err)
		}
		e.buses[b.Name] = b // before its rules: keys are in order
	case "tags":
		tags := map[string]string{}
		if err := json.Unmarshal(v, &tags); err != nil {
			return fmt.Errorf("read the tags of %s: %w", rest, err)
		}
		e.tags[rest] = tags
	case "rule":
		var r Rule
		if err := json.Unmarshal(v, &r); err != nil {
			return fmt.Errorf("read rule %s: %w", rest, err)
		}
		compiled, err := compile(r)
		if err != nil {
			return fmt.Errorf("read rule %s: %w", rest, err)
		}
		b := e.buses[r.Bus]
		if b == nil { // the default bus is stored nowhere
			b = &bus{Bus: Bus{Name: r.Bus, ARN: e.arn("event-bus/" + r.Bus)}, rules: map[string]*rule{}}
			e.buses[r.Bus] = b
		}
		b.rules[r.Name] = compiled
	case "archive":
		var a Archive
		if err := json.Unmarshal(v, &a); err != nil {
			return fmt.Errorf("read archive %s: %w", rest, err)
		}
		compiled, err := compileArchive(a)
		if err != nil {
			return fmt.Errorf("read archive %s: %w", rest, err)
		}
		e.archives[a.Name] = compiled
	case "connection":
		var c destination.Connection
		if err := json.Unmarshal(v, &c); err != nil {
			return fmt.Errorf("read connection %s: %w", rest, err)
		}
		e.connections[c.Name] = &c
	case "destination":
		var d destination.Destination
		if err := json.Unmarshal(v, &d); err != nil {
			return fmt.Errorf("read API destination %s: %w", rest, err)
		}
		e.destinations[d.Name] = &d
	}
	return nil
}

func (e *Engine) store(ctx context.Context, key string, v any) error {
	data := mustJSON(v)
	return e.o.DB.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(configBucket).Put([]byte(key), data) })
}

func (e *Engine) forget(ctx context.Context, keys ...string) error {
	return e.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		for _, key := range keys {
			if err := tx.Bucket(configBucket).Delete([]byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// busName takes a bus's name or ARN; empty is the default bus.
func busName(nameOrARN string) string {
	if _, name, ok := strings.Cut(nameOrARN, ":event-bus/"); ok {
		return name
	}
	return cmp.Or(nameOrARN, DefaultBus)
}

// CreateBus makes a bus. ResourceAlreadyExistsException when there is one of the name, ValidationException when the name
// is not 1 to 256 characters of A-Z a-z 0-9 . _ -
func (e *Engine) CreateBus(ctx context.Context, name string, settings Settings) (Bus, error) {
	if err := checkName("name", name, 256); err != nil {
		return Bus{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.buses[name] != nil {
		return Bus{}, exists("Event bus %s already exists.", name)
	}
	now := e.o.Clock.Now()
	b := Bus{Name: name, ARN: e.arn("event-bus/" + name), Settings: settings, Created: now, Modified: now}
	if err := e.store(ctx, "bus/"+name, b); err != nil {
		return Bus{}, fmt.Errorf("create event bus %s: %w", name, err)
	}
	e.buses[name] = &bus{Bus: b, rules: map[string]*rule{}}
	return b, nil
}

// PutBus makes a bus unless it exists.
func (e *Engine) PutBus(ctx context.Context, name string) (Bus, error) {
	if b, err := e.Bus(name); err == nil {
		return b, nil
	}
	return e.CreateBus(ctx, name, Settings{})
}

// changeBus stores what change makes of a bus.
func (e *Engine) changeBus(ctx context.Context, nameOrARN string, change func(*Bus) error) (Bus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.buses[busName(nameOrARN)]
	if b == nil {
		return Bus{}, noBus(busName(nameOrARN))
	}
	changed := b.Bus
	if err := change(&changed); err != nil {
		return Bus{}, err
	}
	changed.Modified = e.o.Clock.Now()
	if err := e.store(ctx, "bus/"+b.Name, changed); err != nil {
		return Bus{}, fmt.Errorf("change event bus %s: %w", b.Name, err)
	}
	b.Bus = changed
	return changed, nil
}

// Bus gives a bus by name or ARN; ResourceNotFoundException when there is none.
func (e *Engine) Bus(nameOrARN string) (Bus, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if b := e.buses[busName(nameOrARN)]; b != nil {
		return b.Bus, nil
	}
	return Bus{}, noBus(busName(nameOrARN))
}

// Buses gives all buses, by name.
func (e *Engine) Buses() []Bus {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := make([]Bus, 0, len(e.buses))
	for _, name := range slices.Sorted(maps.Keys(e.buses)) {
		all = append(all, e.buses[name].Bus)
	}
	return all
}

// DeleteBus removes a bus. One that is not there is no error, like at AWS; one that has rules, and the default bus, are.
func (e *Engine) DeleteBus(ctx context.Context, nameOrARN string) error {
	name := busName(nameOrARN)
	if name == DefaultBus {
		return invalid("Cannot delete event bus default.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.buses[name]
	if b == nil {
		return nil
	}
	if len(b.rules) > 0 {
		return invalid("Event bus can't be deleted since it has rules.")
	}
	if err := e.forget(ctx, "bus/"+name, "tags/"+b.ARN); err != nil {
		return fmt.Errorf("delete event bus %s: %w", name, err)
	}
	delete(e.tags, b.ARN)
	delete(e.buses, name)
	return nil
}

// checkName refuses what is not 1 to limit characters of A-Z a-z 0-9 . _ -
func checkName(member, s string, limit int) error {
	var f constraint.Faults
	f.Name(member, s, limit)
	return broken(f)
}

// broken refuses a request that breaks constraints; nil when there are no faults.
func broken(f constraint.Faults) error {
	if f == nil {
		return nil
	}
	return invalid("%s", f.Text())
}
