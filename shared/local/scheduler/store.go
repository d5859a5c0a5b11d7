package scheduler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
)

func noSchedule(name string) error { return notFound("Schedule %s does not exist.", name) }

// put makes a schedule, or puts it in the place of the one of its name: decide is given that one (nil: there is none), and may
// refuse. What the caller has found wrong already comes with the faults.
func (e *Engine) put(ctx context.Context, s *Schedule, faults constraint.Faults, decide func(old *Schedule) (done bool, err error)) (arn string, err error) {
	now := e.o.Clock.Now()
	s.Group, s.Zone = cmp.Or(s.Group, defaultGroup), cmp.Or(s.Zone, "UTC")
	s.Base = now
	if !s.Start.IsZero() {
		s.Base = s.Start
	}
	if err := s.check(&faults, now); err != nil {
		return "", err
	}
	if e.o.Trusts != nil && !e.o.Trusts(s.Target.RoleARN) {
		return "", invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
	}
	defer e.o.Clock.Busy()()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups[s.Group] == nil {
		return "", noGroup(s.Group)
	}
	s.ARN = e.arn("schedule/" + s.Group + "/" + s.Name)
	s.Created, s.Modified = now, now
	if done, err := decide(e.schedules[s.key()]); done || err != nil {
		return s.ARN, err
	}
	if err := e.plan(s, now); err != nil {
		return "", err
	}
	if err := e.o.DB.Update(ctx, s.save); err != nil {
		return "", fmt.Errorf("put schedule %s: %w", s.Name, err)
	}
	e.schedules[s.key()] = s
	e.arm(s.key(), s)
	return s.ARN, nil
}

func (e *Engine) create(ctx context.Context, s *Schedule, faults constraint.Faults) (arn string, err error) {
	return e.put(ctx, s, faults, func(old *Schedule) (bool, error) {
		if old == nil {
			return false, nil
		}
		if s.Token != "" && s.Token == old.Token { // the same request again
			return true, nil
		}
		return false, conflict("Schedule %s already exists.", s.Name)
	})
}

func (e *Engine) update(ctx context.Context, s *Schedule, faults constraint.Faults) (arn string, err error) {
	return e.put(ctx, s, faults, func(old *Schedule) (bool, error) {
		if old == nil {
			return false, noSchedule(s.Name)
		}
		s.Created = old.Created
		return false, nil
	})
}

// Deploy makes a schedule, or changes it to what a template says now. properties are those of CreateSchedule. One that is as it
// was goes on undisturbed; one that has happened, and was to be deleted then, does not come back for that.
func (e *Engine) Deploy(ctx context.Context, properties []byte) error {
	s, faults, err := parse(properties)
	if err != nil {
		return err
	}
	_, err = e.put(ctx, s, faults, func(old *Schedule) (bool, error) {
		if old == nil {
			return false, nil
		}
		s.Created = old.Created
		return s.sameAs(old), nil
	})
	return err
}

// sameAs reports whether two schedules say the same, whenever they were made.
func (s *Schedule) sameAs(old *Schedule) bool {
	a, b := *s, *old
	for _, c := range []*Schedule{&a, &b} {
		c.Token = ""
		c.Created, c.Modified, c.Base, c.Slot, c.Fire = s.Created, s.Created, s.Created, s.Created, s.Created
	}
	return string(mustJSON(a)) == string(mustJSON(b))
}

func (e *Engine) get(group, name string) (*Schedule, error) {
	group = cmp.Or(group, defaultGroup)
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.schedules[keyOf(group, name)]; s != nil {
		return s, nil
	}
	if e.groups[group] == nil {
		return nil, noGroup(group)
	}
	return nil, noSchedule(name)
}

// Delete removes a schedule; ResourceNotFoundException when it is not there.
func (e *Engine) Delete(ctx context.Context, group, name string) error {
	s, err := e.get(group, name)
	if err != nil {
		return err
	}
	key := s.key()
	e.mu.Lock()
	defer e.mu.Unlock()
	err = e.o.DB.Update(ctx, func(tx *bbolt.Tx) error { return tx.Bucket(bucketSchedules).Delete([]byte(key)) })
	if err != nil {
		return fmt.Errorf("delete schedule %s: %w", name, err)
	}
	delete(e.schedules, key)
	e.arm(key, nil)
	return nil
}

// list gives the schedules of a group, or of all, by group and name.
func (e *Engine) list(group, prefix, state string) ([]*Schedule, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if group != "" && e.groups[group] == nil {
		return nil, noGroup(group)
	}
	var all []*Schedule
	for _, s := range e.schedules {
		if (group == "" || s.Group == group) && strings.HasPrefix(s.Name, prefix) && (state == "" || s.state() == state) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Schedule) int { return cmp.Compare(a.key(), b.key()) })
	return all, nil
}
