package local

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// permissions holds every function and state machine of the template to its role, as IAM does. A function is known by the
// context that it was invoked with, or by its access key at the AWS endpoint; whoever else comes is a developer, who may do
// everything.
type permissions struct {
	stack     *stack.Stack
	functions map[string]stack.Function // by ARN
	roles     map[string]*stack.Role    // by ARN
	observe   func(Use)                 // told of every request that is checked; nil: nobody
}

// Use is a request that was held against a role.
type Use struct {
	Role string // logical id
	iam.Request
}

func newPermissions(s *stack.Stack, observe func(Use)) *permissions {
	p := &permissions{stack: s, functions: map[string]stack.Function{}, roles: map[string]*stack.Role{}, observe: observe}
	for _, f := range s.Functions {
		p.functions[f.ARN] = f
	}
	for _, r := range s.Roles {
		p.roles[r.ARN] = r
	}
	return p
}

// caller gives the function that a context belongs to.
func (p *permissions) caller(ctx context.Context) (stack.Function, bool) {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return stack.Function{}, false
	}
	f, ok := p.functions[lc.InvokedFunctionArn]
	return f, ok
}

// as gives the context of what a function asks for.
func as(ctx context.Context, f stack.Function) context.Context {
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: f.ARN})
}

// check gives an *iam.DeniedError when the function of the context may not do something.
func (p *permissions) check(ctx context.Context, action, resource string) error {
	return p.checkAll(ctx, iam.Request{Action: action, Resource: resource})
}

func (p *permissions) checkAll(ctx context.Context, requests ...iam.Request) error {
	f, ok := p.caller(ctx)
	if !ok {
		return nil
	}
	for _, r := range requests {
		if err := p.checkRole(f.RoleARN, f.Name, r); err != nil {
			return err
		}
	}
	return nil
}

// checkRole holds a request against a role. One that is not of the template may do everything.
func (p *permissions) checkRole(role, session string, r iam.Request) error {
	known, ok := p.roles[role]
	if !ok {
		return nil
	}
	if p.observe != nil {
		p.observe(Use{known.LogicalID, r})
	}
	return known.Check(session, r)
}

// authorizeMachine holds what a state machine asks for against its role.
func (rt *Runtime) authorizeMachine(role, execution, action, resource string) error {
	return rt.permissions.checkRole(role, execution, iam.Request{Action: action, Resource: resource})
}

// conditional reports whether the values of condition keys matter to whether the function may do something.
func (p *permissions) conditional(ctx context.Context, action string) bool {
	f, ok := p.caller(ctx)
	if !ok {
		return false
	}
	role, ok := p.roles[f.RoleARN]
	return ok && role.Conditional(action)
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
	return p.stack.Function(name)
}

// developer is who asks with any other access key.
const developer = "arn:aws:iam::" + stack.Account + ":user/developer"

// maySendAs asks the policies of a bus, which can only deny: developers may do everything else, and what functions may do
// was asked before.
func (p *permissions) maySendAs(accessKeyID, bus, source string) bool {
	principal := developer
	if f, ok := p.holder(accessKeyID); ok {
		principal = f.RoleARN
	}
	return iam.DecideFor(p.stack.ResourcePolicies, principal, iam.Request{
		Action: putEvents, Resource: busARN(bus),
		Context: map[string][]string{"events:source": {source}, "aws:PrincipalArn": {principal}},
	}) != iam.Denied
}

const putEvents = "events:PutEvents"

// busARN takes a name or an ARN.
func busARN(bus string) string {
	if strings.HasPrefix(bus, "arn:") {
		return bus
	}
	if bus == "" {
		bus = "default"
	}
	return "arn:aws:events:" + stack.Region + ":" + stack.Account + ":event-bus/" + bus
}

// checkPut asks for the permission to put events on buses: sources are those of the events, by bus.
func (p *permissions) checkPut(ctx context.Context, sources map[string][]string) error {
	for _, bus := range slices.Sorted(maps.Keys(sources)) {
		err := p.checkAll(ctx, iam.Request{
			Action: putEvents, Resource: busARN(bus), Context: map[string][]string{"events:source": sources[bus]},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// passRole is what making a state machine with a role needs besides.
func passRole(role string) iam.Request {
	return iam.Request{
		Action: "iam:PassRole", Resource: role, Context: map[string][]string{"iam:PassedToService": {"states.amazonaws.com"}},
	}
}
