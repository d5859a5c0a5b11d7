package local_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

var updatePermissions = flag.Bool("update-permissions", false, "write permissions.md again")

// permissionsFile shows who may do what, and a story that needs it.
const permissionsFile = "permissions.md"

// permission is one action on one resource that a policy of the template allows to a role, or to EventBridge.
type permission struct{ role, policy, action, resource string }

// deployed is the story of what AWS itself needs: it is asked for when the stack is made.
const deployed = "the stack is deployed"

// eventBridge is who sends events to the functions, and to queues what it could not deliver.
const eventBridge = "events.amazonaws.com"

// loaded reads the template as the runtime does.
func loaded(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Load(options().Template, map[string]string{"OidcIssuer": "https://issuer.test", "NotifyEmailFrom": "opsflow@opsflow.example"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// permissions are all that a template grants, in its order; what SAM gives to every function (its log) is no choice of ours.
func permissions(s *stack.Stack) []permission {
	var all []permission
	add := func(role, policy string, one iam.Statement) {
		for _, action := range one.Actions {
			for _, resource := range append(slices.Clone(one.Resources), anyBut(one.NotResources)...) {
				all = append(all, permission{role, policy, action, resource})
			}
		}
	}
	for _, role := range s.Roles {
		for _, g := range role.Grants {
			if _, _, ofAWS := iam.Managed(g.Policy); !ofAWS {
				add(role.LogicalID, g.Policy, g.Statement)
			}
		}
	}
	for _, one := range s.ResourcePolicies {
		if !one.Deny {
			add(eventBridge, "of the resource", one)
		}
	}
	return slices.CompactFunc(all, func(a, b permission) bool { return a == b })
}

func anyBut(resources []string) []string {
	if len(resources) == 0 {
		return nil
	}
	return []string{"all but " + strings.Join(resources, ", ")}
}

// covers reports whether a permission is about a request.
func (p permission) covers(role string, r iam.Request) bool {
	one := iam.Statement{Actions: []string{p.action}, Resources: []string{p.resource}}
	if but, ok := strings.CutPrefix(p.resource, "all but "); ok {
		one.Resources, one.NotResources = nil, []string{but}
	}
	return role == p.role && iam.Decide([]iam.Statement{one}, r) == iam.Allowed
}

// without takes a permission out of a stack.
func (p permission) without(s *stack.Stack) {
	if p.role == eventBridge {
		s.ResourcePolicies = p.cut(s.ResourcePolicies)
		return
	}
	for n, role := range s.Roles {
		if role.LogicalID != p.role {
			continue
		}
		var left []iam.Grant
		for _, g := range role.Grants {
			if g.Policy != p.policy {
				left = append(left, g)
				continue
			}
			for _, one := range p.cut([]iam.Statement{g.Statement}) {
				left = append(left, iam.Grant{Policy: g.Policy, Statement: one})
			}
		}
		s.Roles[n] = &stack.Role{LogicalID: role.LogicalID, Role: iam.Role{ARN: role.ARN, Grants: left, Trust: role.Trust}}
	}
}

// cut takes a permission out of statements: what is left of one is several.
func (p permission) cut(statements []iam.Statement) []iam.Statement {
	var left []iam.Statement
	for _, s := range statements {
		if !slices.Contains(s.Actions, p.action) || s.Deny {
			left = append(left, s)
			continue
		}
		others := s
		others.Actions = slices.DeleteFunc(slices.Clone(s.Actions), func(a string) bool { return a == p.action })
		same := s
		same.Actions = []string{p.action}
		same.Resources = slices.DeleteFunc(slices.Clone(s.Resources), func(r string) bool { return r == p.resource })
		if len(others.Actions) > 0 {
			left = append(left, others)
		}
		if len(same.Resources) > 0 {
			left = append(left, same)
		}
	}
	return left
}

func TestEveryPermissionIsUsedByAStory(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	told := uses(t)
	for _, n := range s.Needs() {
		role := eventBridge
		if n.Role != "" {
			role = s.RoleOf(n.Role).LogicalID
		}
		told[deployed] = append(told[deployed], local.Use{Role: role, Request: n.Request})
	}
	order := []string{deployed}
	for _, one := range tales() {
		order = append(order, one.name)
	}
	want, before := map[permission]string{}, map[string]string{}
	if !*updatePermissions {
		before = readPermissions(t)
	}
	for _, p := range permissions(s) {
		var stories []string
		for _, story := range order {
			if slices.ContainsFunc(told[story], func(u local.Use) bool { return p.covers(u.Role, u.Request) }) {
				stories = append(stories, story)
			}
		}
		if len(stories) == 0 {
			t.Errorf("nothing uses %s on %s, which %s grants to %s", p.action, p.resource, p.policy, p.role)
			continue
		}
		want[p] = stories[0]
		if shown := before[p.row()]; slices.Contains(stories, shown) {
			want[p] = shown // several need it, and which of them is shown is a matter of order alone
		}
	}
	text := writePermissions(permissions(s), want)
	if *updatePermissions {
		if err := os.WriteFile(permissionsFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if shown, err := os.ReadFile(permissionsFile); err != nil || string(shown) != text {
		t.Errorf("%s is out of date; make permissions writes it again (%v)", permissionsFile, err)
	}
}

// uses tells every story, as the template is, and gives what each asked AWS for. What is refused is missing in the template.
func uses(t *testing.T) map[string][]local.Use {
	t.Helper()
	var mu sync.Mutex
	told := map[string][]local.Use{}
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, one := range tales() {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			used, failures := play(t, one, nil)
			mu.Lock()
			defer mu.Unlock()
			told[one.name] = used
			for _, u := range used {
				if u.Refused != nil {
					t.Errorf("%s: %v", one.name, u.Refused)
				}
			}
			for _, f := range failures {
				t.Errorf("%s: %s", one.name, f)
			}
		})
	}
	wg.Wait()
	return told
}

// play tells one story on a system of its own, whose stack may be changed, and gives what was held against roles.
func play(t *testing.T, one tale, edit func(*stack.Stack)) (used []local.Use, failures []string) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	o := options()
	o.Clock, o.PrivateCalls = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), true
	o.Observe(func(u local.Use) {
		mu.Lock()
		defer mu.Unlock()
		if key := fmt.Sprint(u.Role, u.Action, u.Resource, u.Refused != nil); !seen[key] {
			seen[key] = true
			used = append(used, u)
		}
	})
	o.Edit(edit)
	q := &quiet{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		rt := start(q, o)
		one.tell(scene{newSystem(q, rt), rt})
	}()
	<-done
	http.DefaultClient.CloseIdleConnections() // the servers wait a while for connections that were never used
	q.end()
	mu.Lock()
	defer mu.Unlock()
	return used, q.failures
}

// quiet notes the failures of a story, which ends with a fatal one.
type quiet struct {
	testing.TB

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (q *quiet) note(text string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failures = append(q.failures, text)
}

func (q *quiet) Error(args ...any)                 { q.note(fmt.Sprint(args...)) }
func (q *quiet) Errorf(format string, args ...any) { q.note(fmt.Sprintf(format, args...)) }
func (q *quiet) Fatal(args ...any)                 { q.Error(args...); runtime.Goexit() }
func (q *quiet) Fatalf(format string, args ...any) { q.Errorf(format, args...); runtime.Goexit() }
func (q *quiet) Cleanup(f func())                  { q.cleanups = append(q.cleanups, f) }

func (q *quiet) end() {
	for _, f := range slices.Backward(q.cleanups) {
		f()
	}
}

func TestWithoutAPermissionItsStoryMeetsAccessDenied(t *testing.T) {
	t.Parallel()
	byName := map[string]tale{}
	for _, one := range tales() {
		byName[one.name] = one
	}
	shown := readPermissions(t)
	for _, p := range permissions(loaded(t)) {
		t.Run(p.row(), func(t *testing.T) {
			t.Parallel()
			story := shown[p.row()]
			if story == "" {
				t.Fatalf("%s does not show it", permissionsFile)
			}
			want := "not authorized to perform: " + p.action
			if story == deployed {
				s := loaded(t)
				p.without(s)
				err := s.Check()
				if p.role == eventBridge {
					want = "allows " + p.action + " to " + eventBridge
				}
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the stack is deployed: %v", err)
				}
				return
			}
			used, _ := play(t, byName[story], p.without)
			for _, u := range used {
				denied, ok := errors.AsType[*iam.DeniedError](u.Refused)
				if ok && p.covers(u.Role, u.Request) && strings.HasPrefix(denied.Error(), "AccessDeniedException: ") && strings.Contains(denied.Error(), want) {
					return
				}
			}
			t.Errorf("%s: nothing was refused", story)
		})
	}
}

// The bus takes events of ours from those roles alone that may put events on it.
func TestTheBusTakesOurEventsFromThoseWhoMaySendThem(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	bus := s.Buses[0].ARN
	for _, role := range s.Roles {
		may := role.Check("s", iam.Request{Action: "events:PutEvents", Resource: bus}) == nil
		taken := iam.DecideFor(s.ResourcePolicies, role.ARN, iam.Request{
			Action: "events:PutEvents", Resource: bus, Context: map[string][]string{"events:source": {"opsflow"}, "aws:PrincipalArn": {role.ARN}},
		}) != iam.Denied
		if may != taken {
			t.Errorf("%s may put events: %v; the bus takes ours from it: %v", role.LogicalID, may, taken)
		}
	}
}

const permissionsHead = `# Who may do what, and what needs it

Every permission of [template.yaml](../../template.yaml), with a story that needs it. The stories are told in
[permission_stories_test.go](permission_stories_test.go); a test fails for a permission that none of them uses, and for a request
that is refused. Another takes each permission away and expects the story to meet the AccessDeniedException of its action.
What is needed when the stack is deployed is asked for by AWS itself: by EventBridge to deliver, by Lambda to read queues and to
send away what failed. ` + "`make permissions`" + ` writes this file.

| who | action | on | by | needed when |
| --- | --- | --- | --- | --- |
`

func writePermissions(all []permission, stories map[permission]string) string {
	var out strings.Builder
	out.WriteString(permissionsHead)
	for _, p := range all {
		fmt.Fprintf(&out, "| %s | %s |\n", p.row(), stories[p])
	}
	return out.String()
}

// row is how the file shows a permission, without what all ARNs of a service begin with.
func (p permission) row() string {
	service, _, _ := strings.Cut(p.action, ":")
	resource := strings.ReplaceAll(p.resource, "arn:aws:"+service+":"+stack.Region+":"+stack.Account+":", "")
	return strings.Join([]string{p.role, p.action, resource, p.policy}, " | ")
}

// readPermissions gives the story of each row.
func readPermissions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(permissionsFile)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	_, rows, _ := strings.Cut(string(text), "| --- | --- | --- | --- | --- |\n")
	for row := range strings.Lines(rows) {
		row = strings.Trim(row, "| \n")
		at := strings.LastIndex(row, " | ")
		if at < 0 {
			t.Fatalf("%s has the row %q", permissionsFile, row)
		}
		out[row[:at]] = row[at+len(" | "):]
	}
	return out
}
