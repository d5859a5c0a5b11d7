package states

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/constraint"
)

// Limits of aliases.
const (
	maxAliases = 100 // of a state machine
	maxRoutes  = 2
)

// Route sends a part of an alias's executions to a version.
type Route struct {
	VersionARN string `json:"stateMachineVersionArn"`
	Weight     int    `json:"weight"` // of 100
}

// Alias describes an alias.
type Alias struct {
	ARN         string
	Name        string
	Description string
	Routes      []Route
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// alias is what is stored of one.
type alias struct {
	Description string  `json:"d,omitempty"`
	Routes      []route `json:"r"`
	CreatedAt   int64   `json:"c"`
	UpdatedAt   int64   `json:"u"`
}

type route struct {
	Version int `json:"v"`
	Weight  int `json:"w"`
}

func aliasKey(machine, name string) []byte { return append(append([]byte(machine), 0), name...) }

func (a *alias) leadsTo(version int) bool {
	return slices.ContainsFunc(a.Routes, func(r route) bool { return r.Version == version })
}

// pick chooses a version by the weights.
func (a *alias) pick(random io.Reader) (int, error) {
	n, err := randomBelow(random, 100)
	if err != nil {
		return 0, err
	}
	if len(a.Routes) == maxRoutes && int(n) >= a.Routes[0].Weight { //nolint:gosec // below 100
		return a.Routes[1].Version, nil
	}
	return a.Routes[0].Version, nil
}

var validAlias = regexp.MustCompile(`^[a-zA-Z0-9_\-.]*[a-zA-Z_\-.][a-zA-Z0-9_\-.]*$`)

func checkAlias(name string) error {
	var f constraint.Faults
	if f.Length("name", name, 1, 80); f != nil || validAlias.MatchString(name) {
		return broken(f)
	}
	return invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must "+
		`satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, name) // Go's expressions have no lookahead
}

// checkRoutes finds the state machine that routes are of, and what is wrong with them.
func checkRoutes(given []Route) (machine string, routes []route, err error) {
	if n := len(given); n < 1 || n > maxRoutes {
		return "", nil, invalid("routingConfiguration must have 1 or %d entries, got %d", maxRoutes, n)
	}
	arns, weights, sum := []string{}, []string{}, 0
	for i, r := range given {
		var f constraint.Faults
		if f.Range(fmt.Sprintf("routingConfiguration.%d.member.weight", i+1), r.Weight, 0, 100); f != nil {
			return "", nil, broken(f)
		}
		arns, weights, sum = append(arns, r.VersionARN), append(weights, strconv.Itoa(r.Weight)), sum+r.Weight
	}
	all := "[" + strings.Join(arns, ", ") + "]"
	for _, r := range given {
		name, number, err := versionPlace(r.VersionARN)
		if err != nil {
			return "", nil, invalid("Routing configuration must contain state machine version ARNs. Received: %s", all)
		}
		if machine != "" && machine != name {
			return "", nil, invalid("Routing configuration must contain versions of one state machine. Received: %s", all)
		}
		machine, routes = name, append(routes, route{number, r.Weight})
	}
	switch {
	case len(arns) == 2 && arns[0] == arns[1]:
		return "", nil, invalid("Routing configuration must contain distinct state machine version ARNs. Received: %s", all)
	case sum != 100:
		return "", nil, invalid("Sum of routing configuration weights must equal 100. Received: [%s]", strings.Join(weights, ", "))
	}
	return machine, routes, nil
}

func errNoResource() *APIError {
	return apiError("ResourceNotFound", "Request references a resource that does not exist.")
}

func haveVersions(tx *bbolt.Tx, machine string, routes []route) error {
	for _, r := range routes {
		if tx.Bucket(bucketVersions).Get(versionKey(machine, r.Version)) == nil {
			return errNoResource()
		}
	}
	return nil
}

// CreateStateMachineAlias makes an alias, or gives the one that is the same already. Errors: ValidationException,
// ResourceNotFound, ConflictException, ServiceQuotaExceededException.
func (e *Engine) CreateStateMachineAlias(ctx context.Context, name, description string, given []Route) (*Alias, error) {
	if err := checkAlias(name); err != nil {
		return nil, err
	}
	if err := checkDescription("description", description); err != nil {
		return nil, err
	}
	machine, routes, err := checkRoutes(given)
	if err != nil {
		return nil, err
	}
	now := e.now().UnixMilli()
	a := &alias{description, routes, now, now}
	err = e.db.Update(ctx, func(tx *bbolt.Tx) error {
		if err := haveVersions(tx, machine, routes); err != nil {
			return err
		}
		old, err := read[alias](tx, bucketAliases, aliasKey(machine, name))
		switch {
		case err != nil:
			return err
		case old == nil:
		case old.Description != description || !slices.Equal(old.Routes, routes):
			return apiError("ConflictException",
				"Failed to create alias because an alias with the same name and a different routing configuration already exists.")
		default:
			a = old
			return nil
		}
		if len(keysWith(tx, bucketAliases, aliasKey(machine, ""))) >= maxAliases {
			return apiError("ServiceQuotaExceededException", "A state machine has at most %d aliases", maxAliases)
		}
		return put(tx, []entry{{bucketAliases, aliasKey(machine, name), mustJSON(a)}})
	})
	if err != nil {
		return nil, err
	}
	return e.describeAlias(machine, name, a), nil
}

// UpdateStateMachineAlias changes an alias's description or routes, whichever is not nil. Errors: ValidationException,
// InvalidArn, ResourceNotFound.
func (e *Engine) UpdateStateMachineAlias(ctx context.Context, arn string, description *string, given []Route) (*Alias, error) {
	machine, name, err := aliasPlace(arn)
	if err != nil {
		return nil, err
	}
	if description == nil && given == nil {
		return nil, invalid("Either the description or the routingConfiguration must be specified")
	}
	var routes []route
	if given != nil {
		var of string
		if of, routes, err = checkRoutes(given); err != nil {
			return nil, err
		}
		if of != machine {
			return nil, invalid("Routing configuration must contain versions of the alias's state machine %s", machine)
		}
	}
	if description != nil {
		if err := checkDescription("description", *description); err != nil {
			return nil, err
		}
	}
	var a *alias
	err = e.db.Update(ctx, func(tx *bbolt.Tx) error {
		if a, err = read[alias](tx, bucketAliases, aliasKey(machine, name)); err != nil {
			return err
		}
		if a == nil {
			return errNoResource()
		}
		if description != nil {
			a.Description = *description
		}
		if routes != nil {
			a.Routes = routes
		}
		a.UpdatedAt = e.now().UnixMilli()
		if err := haveVersions(tx, machine, a.Routes); err != nil {
			return err
		}
		return put(tx, []entry{{bucketAliases, aliasKey(machine, name), mustJSON(a)}})
	})
	if err != nil {
		return nil, err
	}
	return e.describeAlias(machine, name, a), nil
}

// aliasPlace takes the ARN of an alias apart.
func aliasPlace(arn string) (machine, name string, err error) {
	if machine, name, err = machinePlace(arn); err != nil {
		return "", "", err
	}
	if !validAlias.MatchString(name) {
		return "", "", apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	return machine, name, nil
}

// DeleteStateMachineAlias forgets an alias, not its versions. One that does not exist is no error.
func (e *Engine) DeleteStateMachineAlias(ctx context.Context, arn string) error {
	machine, name, err := aliasPlace(arn)
	if err != nil {
		return err
	}
	return e.db.Update(ctx, func(tx *bbolt.Tx) error { return put(tx, []entry{{bucketAliases, aliasKey(machine, name), nil}}) })
}

// DescribeStateMachineAlias gives an alias. Errors: InvalidArn, ResourceNotFound.
func (e *Engine) DescribeStateMachineAlias(ctx context.Context, arn string) (*Alias, error) {
	machine, name, err := aliasPlace(arn)
	if err != nil {
		return nil, err
	}
	var a *alias
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		a, err = read[alias](tx, bucketAliases, aliasKey(machine, name))
		return err
	})
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, errNoResource()
	}
	return e.describeAlias(machine, name, a), nil
}

func (e *Engine) describeAlias(machine, name string, a *alias) *Alias {
	d := &Alias{
		ARN: e.aliasARN(machine, name), Name: name, Description: a.Description,
		CreatedAt: time.UnixMilli(a.CreatedAt).UTC(), UpdatedAt: time.UnixMilli(a.UpdatedAt).UTC(),
	}
	for _, r := range a.Routes {
		d.Routes = append(d.Routes, Route{e.versionARN(machine, r.Version), r.Weight})
	}
	return d
}

// ListStateMachineAliases gives a page of the aliases of a state machine, or of those that lead to a version of it, by name, and
// what leads to the next page. Errors: InvalidArn, InvalidToken, StateMachineDoesNotExist.
func (e *Engine) ListStateMachineAliases(ctx context.Context, arn string, p Page) (list []Alias, next string, err error) {
	name, qualifier, err := machinePlace(arn)
	number := 0
	if err == nil && qualifier != "" {
		name, number, err = versionPlace(arn)
	}
	if err != nil {
		return nil, "", err
	}
	if _, _, err := e.machine(ctx, e.machineARN(name)); err != nil {
		return nil, "", err
	}
	l := listing{listName("aliases", arn), bucketAliases, aliasKey(name, "")}
	return scan(ctx, e, l, p, func(_ *bbolt.Tx, k, text []byte) (*Alias, error) {
		var a alias
		if err := json.Unmarshal(text, &a); err != nil || number > 0 && !a.leadsTo(number) {
			return nil, err
		}
		return e.describeAlias(name, string(k[len(l.prefix):]), &a), nil
	})
}
