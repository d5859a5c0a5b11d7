package local

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"opsflow/shared/local/action"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// permissions holds every function and state machine of the template to its role, as IAM does. A function is known by the
// context that it was invoked with, or by its access key at the AWS endpoint; a state machine by the context of its task.
// Whoever else comes is a developer, who may do everything.
type permissions struct {
	granted  atomic.Pointer[granted]
	requests action.Reader
	log      *slog.Logger
	observe  func(Use) // told of every request that is checked; nil: nobody
	told     sync.Map  // refusals that are in the log
}

// granted is what a template says of who may do what.
type granted struct {
	stack     *stack.Stack
	functions map[string]stack.Function // by ARN
	roles     map[string]*stack.Role    // by ARN
	shared    []iam.Statement           // of resources' policies: those that speak of roles, besides services
	sharedBy  sync.Map                  // of shared, by action: nearly always none
}

// Use is a request that was held against a role.
type Use struct {
	Role string // logical id
	iam.Request
	Refused error // nil: it was allowed
}

func newPermissions(s *stack.Stack, log *slog.Logger, observe func(Use)) *permissions {
	p := &permissions{log: log, observe: observe}
	p.requests.HashKey = func(table string) string {
		for _, t := range p.now().stack.Tables {
			if t.Name == table {
				return t.Hash
			}
		}
		return ""
	}
	p.read(s)
	return p
}

// now is what is granted at this moment.
func (p *permissions) now() *granted { return p.granted.Load() }

// read has what a template says hold from now on.
func (p *permissions) read(s *stack.Stack) {
	g := &granted{stack: s, functions: map[string]stack.Function{}, roles: map[string]*stack.Role{}}
	for _, f := range s.Functions {
		g.functions[f.ARN] = f
	}
	for _, r := range s.Roles {
		g.roles[r.ARN] = r
	}
	g.shared = slices.DeleteFunc(slices.Clone(s.ResourcePolicies), func(s iam.Statement) bool {
		return !slices.ContainsFunc(s.Principals, func(who string) bool { return who == "*" || strings.HasPrefix(who, "arn:") })
	})
	p.granted.Store(g)
	p.told.Clear()
}

// session is a role with the name that it is used under: the function's, or the execution's.
type session struct {
	role *stack.Role // nil: a developer
	name string
}

type sessionKey struct{}

// withSession has a role ask for what follows.
func withSession(ctx context.Context, s session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// session gives who a context belongs to.
func (p *permissions) session(ctx context.Context) session {
	if s, ok := ctx.Value(sessionKey{}).(session); ok {
		return s
	}
	if f, ok := p.caller(ctx); ok {
		return session{p.now().roles[f.RoleARN], f.Name}
	}
	return session{}
}

// caller gives the function that a context belongs to.
func (p *permissions) caller(ctx context.Context) (stack.Function, bool) {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return stack.Function{}, false
	}
	f, ok := p.now().functions[lc.InvokedFunctionArn]
	return f, ok
}

// check gives an *iam.DeniedError for the first request that whoever the context belongs to may not make.
func (p *permissions) check(ctx context.Context, requests ...iam.Request) error {
	who := p.session(ctx)
	for _, r := range requests {
		if err := p.checkSession(who, r); err != nil {
			return err
		}
	}
	return nil
}

// checkSession holds a request against a role. One that is not of the template may do everything.
func (p *permissions) checkSession(who session, r iam.Request) error {
	if who.role == nil {
		return nil
	}
	held := r
	if who.role.Conditional(r.Action) {
		held = r.With(map[string][]string{
			"aws:PrincipalArn": {who.role.ARN}, "aws:PrincipalAccount": {stack.Account}, "aws:SourceAccount": {stack.Account},
			"aws:RequestedRegion": {stack.Region},
		})
	}
	err := who.role.Check(who.name, held)
	if r.Action != action.PutEvents { // which asks the buses' policies by itself, for each entry
		err = p.asShared(who, held, err)
	}
	if p.observe != nil {
		p.observe(Use{who.role.LogicalID, r, err})
	}
	if err != nil {
		p.tell(who.role, r, err)
	}
	return err
}

// asShared asks the policies of resources, too: in one account it is enough that the role's or the resource's allows something,
// unless one of them denies it.
func (p *permissions) asShared(who session, r iam.Request, own error) error {
	about, known := p.now().sharedBy.Load(r.Action)
	if !known {
		about = iam.About(p.now().shared, r.Action)
		p.now().sharedBy.Store(r.Action, about)
	}
	statements, _ := about.([]iam.Statement)
	if len(statements) == 0 {
		return own
	}
	denied, _ := errors.AsType[*iam.DeniedError](own)
	for _, principal := range []string{who.role.ARN, who.role.Session(who.name)} {
		switch iam.DecideFor(statements, principal, r) {
		case iam.Denied:
			return &iam.DeniedError{Session: who.role.Session(who.name), Action: r.Action, Resource: r.Resource, Explicit: true, OfResource: true}
		case iam.Allowed:
			if denied != nil && !denied.Explicit && !denied.Bounded {
				return nil
			}
		case iam.NotAllowed:
		}
	}
	return own
}

// tell writes a refusal into the log, once: where a permission is missing, a function tries again and again.
func (p *permissions) tell(role *stack.Role, r iam.Request, err error) {
	if _, again := p.told.LoadOrStore([3]string{role.LogicalID, r.Action, r.Resource}, true); !again {
		p.log.Warn("permission missing in the template", "role", role.LogicalID, "action", r.Action, "resource", r.Resource, "error", err)
	}
}

// May implements states.Roles.
func (p *permissions) May(role, execution, action, resource string) error {
	return p.checkSession(session{p.now().roles[role], execution}, iam.Request{Action: action, Resource: resource})
}

// Trusts implements states.Roles.
func (p *permissions) Trusts(role, machine string) bool {
	return p.now().stack.Trusts(role, stack.StepFunctions, machine)
}

// MayAssume implements states.Roles: a role's policies must allow it, and the other's trust policy must name it. Of a role in
// another account nothing is known but that; a role of this account that is not there trusts nobody.
func (p *permissions) MayAssume(machine, role, execution, other string) error {
	own, ok := p.now().roles[role]
	if !ok {
		return nil
	}
	ask := iam.Request{
		Action: "sts:AssumeRole", Resource: other,
		Context: map[string][]string{"aws:PrincipalArn": {role}, "aws:PrincipalAccount": {stack.Account}, "sts:ExternalId": {machine}},
	}
	if err := p.checkSession(session{own, execution}, ask); err != nil {
		return err
	}
	to, ok := p.now().roles[other]
	if !ok && !strings.HasPrefix(other, "arn:aws:iam::"+stack.Account+":") {
		return nil
	}
	for _, principal := range []string{role, "arn:aws:iam::" + stack.Account + ":root", stack.Account} {
		if ok && iam.DecideFor(to.Trust, principal, ask) == iam.Allowed {
			return nil
		}
	}
	err := &iam.DeniedError{Session: own.Session(execution), Action: ask.Action, Resource: other, OfResource: true}
	p.tell(own, ask, err)
	return err
}

// trustsScheduler reports whether EventBridge Scheduler may assume a role. One that is not of the template it may.
func (p *permissions) trustsScheduler(role string) bool {
	return p.now().stack.Trusts(role, "scheduler.amazonaws.com", "")
}

// conditional reports whether the values of condition keys matter to whether something may be done.
func (p *permissions) conditional(ctx context.Context, action string) bool {
	role := p.session(ctx).role
	return role != nil && role.Conditional(action)
}

// functionKeyPrefix begins the access key of each function; its name follows.
const functionKeyPrefix = "opsflow-"

// accessKey is the key of the function that a context belongs to; "" for anybody else.
func (p *permissions) accessKey(ctx context.Context) string {
	f, ok := p.caller(ctx)
	if !ok {
		return ""
	}
	return functionKeyPrefix + f.Name
}

// holder gives the function that an access key belongs to.
func (p *permissions) holder(accessKeyID string) (stack.Function, bool) {
	name, ok := strings.CutPrefix(accessKeyID, functionKeyPrefix)
	if !ok {
		return stack.Function{}, false
	}
	return p.now().stack.Function(name)
}

// developer is who asks with any other access key.
const developer = "arn:aws:iam::" + stack.Account + ":user/developer"

// maySendAs asks the policies of a bus (its own is what the API was told), which can only deny: developers may do everything
// else, and what roles may do was asked before.
func (p *permissions) maySendAs(ctx context.Context, bus, source string, own []iam.Statement) bool {
	principal := developer
	if who := p.session(ctx); who.role != nil {
		principal = who.role.ARN
	}
	put := action.Put(bus, source).With(map[string][]string{"aws:PrincipalArn": {principal}})
	return iam.DecideFor(p.now().stack.ResourcePolicies, principal, put) != iam.Denied && iam.DecideFor(own, principal, put) != iam.Denied
}
