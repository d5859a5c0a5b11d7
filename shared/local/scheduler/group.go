package scheduler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
)

// group holds schedules. One never changes: an update puts another in its place.
type group struct {
	Name              string
	Tags              map[string]string `json:",omitempty"`
	Token             string            `json:",omitempty"` // ClientToken of the request that made it
	Created, Modified time.Time
}

func (e *Engine) groupARN(name string) string { return e.arn("schedule-group/" + name) }

func noGroup(name string) error { return notFound("Schedule group %s does not exist.", name) }

// putGroup stores a group. The caller holds mu.
func (e *Engine) putGroup(ctx context.Context, g *group) error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	err = e.o.DB.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(bucketGroups).Put([]byte(g.Name), text) })
	if err != nil {
		return fmt.Errorf("put schedule group %s: %w", g.Name, err)
	}
	e.groups[g.Name] = g
	return nil
}

// createGroup makes a group. The same request again finds it.
func (e *Engine) createGroup(ctx context.Context, name, token string, tags map[string]string) (arn string, err error) {
	var f constraint.Faults
	if checkName(&f, "name", name); f.Text() != "" {
		return "", invalid("%s", f.Text())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.groups[name]; old != nil {
		if token != "" && token == old.Token {
			return e.groupARN(name), nil
		}
		return "", conflict("Schedule group %s already exists.", name)
	}
	now := e.o.Clock.Now()
	return e.groupARN(name), e.putGroup(ctx, &group{Name: name, Tags: tags, Token: token, Created: now, Modified: now})
}

// PutGroup makes a group unless it exists.
func (e *Engine) PutGroup(ctx context.Context, name string) error {
	e.mu.Lock()
	known := e.groups[name] != nil
	e.mu.Unlock()
	if known {
		return nil
	}
	_, err := e.createGroup(ctx, name, "", nil)
	return err
}

func (e *Engine) group(name string) (*group, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if g := e.groups[name]; g != nil {
		return g, nil
	}
	return nil, noGroup(name)
}

func (e *Engine) listGroups(prefix string) []*group {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*group
	for _, g := range e.groups {
		if strings.HasPrefix(g.Name, prefix) {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *group) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// DeleteGroup removes a group with its schedules; ResourceNotFoundException when it is not there.
func (e *Engine) DeleteGroup(ctx context.Context, name string) error {
	if name == defaultGroup {
		return invalid("Deleting default schedule group is not allowed.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups[name] == nil {
		return noGroup(name)
	}
	var keys []string
	for key, s := range e.schedules {
		if s.Group == name {
			keys = append(keys, key)
		}
	}
	err := e.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		for _, key := range keys {
			if err := tx.Bucket(bucketSchedules).Delete([]byte(key)); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketGroups).Delete([]byte(name))
	})
	if err != nil {
		return fmt.Errorf("delete schedule group %s: %w", name, err)
	}
	for _, key := range keys {
		delete(e.schedules, key)
		e.arm(key, nil)
	}
	delete(e.groups, name)
	return nil
}

// retag changes the tags of a group, given by ARN; only groups have any.
func (e *Engine) retag(ctx context.Context, arn string, change func(tags map[string]string)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, err := e.tagged(arn)
	if err != nil {
		return err
	}
	next := *g
	next.Tags = map[string]string{}
	for key, value := range g.Tags {
		next.Tags[key] = value
	}
	change(next.Tags)
	return e.putGroup(ctx, &next)
}

// tagged finds a group by its ARN. The caller holds mu.
func (e *Engine) tagged(arn string) (*group, error) {
	name, ok := strings.CutPrefix(arn, e.arn("schedule-group/"))
	if !ok {
		return nil, invalid("Invalid ResourceArn %s: only schedule groups have tags.", arn)
	}
	if g := e.groups[name]; g != nil {
		return g, nil
	}
	return nil, noGroup(name)
}

func (e *Engine) tags(arn string) (map[string]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, err := e.tagged(arn)
	if err != nil {
		return nil, err
	}
	return g.Tags, nil
}
