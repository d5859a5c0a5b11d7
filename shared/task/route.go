package task

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"opsflow/shared/ops"
)

// Assign gives an undecided task to the active member of its team with the least open work, and to the team's queue when
// there is none: it sets the assignee, and the caller saves the task. Ties are broken by a hash of task and member, so that
// the same task always goes to the same one, but not all tasks to the first of the alphabet. A task that several people
// decide together stays in the queue, and nobody gets to approve what they asked for.
//
// exact bounds the Save by what was seen here: it fails, naming the member's counter, if the member has got more work
// meanwhile; then read and assign again. So of many tasks that are opened at once, none goes to somebody who has more to do
// than another. Without it, a Save that raced may be off by the others' tasks. Tasks in alongside are counted as given: they
// are saved in the same transaction.
func Assign(ctx context.Context, s ops.MemberStore, t *ops.Task, exact bool, alongside ...*ops.Task) error {
	t.Assignee, t.Status, t.MaxOpen = "", ops.TaskOpen, 0
	if t.Quorum > 1 {
		return nil
	}
	all, err := s.Members(ctx)
	if err != nil {
		return fmt.Errorf("find who does task %s: %w", t.ID, err)
	}
	return assignTo(ctx, s, t, takers(all, t), exact, alongside)
}

// AssignInTurn gives an undecided task to the members of its team one after the other, by id: the counter that it gives, which
// is to be saved with the task, says whose turn is next. given is how many turns the same Save has taken already. With exact, a
// Save fails if somebody else took the turn meanwhile. Nil for a task that goes to nobody.
func AssignInTurn(ctx context.Context, s TurnStore, t *ops.Task, exact bool, given int64) (*ops.Counter, error) {
	t.Assignee, t.Status, t.MaxOpen = "", ops.TaskOpen, 0
	if t.Quorum > 1 {
		return nil, nil
	}
	all, err := s.Members(ctx)
	if err != nil {
		return nil, fmt.Errorf("find who does task %s: %w", t.ID, err)
	}
	people := takers(all, t)
	if len(people) == 0 {
		return nil, nil
	}
	turn := &ops.Counter{ID: TurnID(t.Team), Add: given + 1}
	taken, err := s.Count(ctx, turn.ID)
	if err != nil {
		return nil, fmt.Errorf("find whose turn task %s is: %w", t.ID, err)
	}
	if exact {
		turn.Max = taken + turn.Add
	}
	t.Assignee = people[(taken+given)%int64(len(people))]
	return turn, nil
}

// TurnID names the counter of the turns that a team's members have had.
func TurnID(team ops.Team) string { return "turn/" + string(team) }

// TurnStore is what AssignInTurn reads.
type TurnStore interface {
	ops.MemberStore
	ops.CounterStore
}

// takers are the members that a task may go to.
func takers(all []*ops.Member, t *ops.Task) []string {
	var ids []string
	for _, m := range all {
		if m.Takes(t.Team) && !requests(t, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// LeastBusy gives the active member of a team with the least open work, among those with a skill if there are any ("": it needs
// none); "" when the team has no members. Ties are broken by a hash of what the work is for.
func LeastBusy(ctx context.Context, s ops.MemberStore, team ops.Team, skill, work string) (member string, skilled bool, err error) {
	all, err := s.Members(ctx)
	if err != nil {
		return "", false, fmt.Errorf("find who takes %s: %w", work, err)
	}
	var people, able []string
	for _, m := range all {
		if !m.Takes(team) {
			continue
		}
		people = append(people, m.ID)
		if skill != "" && slices.Contains(m.Skills, skill) {
			able = append(able, m.ID)
		}
	}
	if len(able) > 0 {
		people = able
	}
	if len(people) == 0 {
		return "", false, nil
	}
	open, err := s.OpenWork(ctx, people)
	if err != nil {
		return "", false, fmt.Errorf("find who takes %s: %w", work, err)
	}
	return leastBusy(people, open, work), len(able) > 0, nil
}

func leastBusy(people []string, open map[string]int64, work string) string {
	return slices.MinFunc(people, func(a, b string) int {
		if d := open[a] - open[b]; d != 0 {
			return int(d)
		}
		return lot(work, a) - lot(work, b)
	})
}

// requests reports whether the task approves what this person asked for.
func requests(t *ops.Task, person string) bool {
	return t.AskedFor(person)
}

// assignTo gives a task to the least busy of some people; to the queue when there are none.
func assignTo(ctx context.Context, s ops.MemberStore, t *ops.Task, people []string, exact bool, alongside []*ops.Task) error {
	if len(people) == 0 {
		return nil
	}
	open, err := s.OpenWork(ctx, people)
	if err != nil {
		return fmt.Errorf("find who does task %s: %w", t.ID, err)
	}
	for _, other := range alongside {
		if other.ID != t.ID && other.Assignee != "" && other.Counted != other.Assignee && !other.Status.Decided() {
			open[other.Assignee]++
		}
	}
	t.Assignee = leastBusy(people, open, t.ID)
	if exact {
		t.MaxOpen = open[t.Assignee] + 1
	}
	return nil
}

// lot is what decides between two who have as much to do.
func lot(task, member string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(task + "\x00" + member)) // a hash takes everything
	return int(h.Sum32())
}
