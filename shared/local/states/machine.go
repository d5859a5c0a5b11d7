package states

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"
)

// Types of a state machine.
const (
	TypeStandard = "STANDARD"
	TypeExpress  = "EXPRESS"
)

// snapshot is what an execution takes from a state machine: its current revision or a version.
type snapshot struct {
	Definition string   `json:"d"` // hash
	Role       string   `json:"r,omitempty"`
	Revision   string   `json:"v,omitempty"` // empty: the first
	UpdatedAt  int64    `json:"u"`
	Settings   Settings `json:"s,omitzero"`
}

// machine is what is stored of a state machine.
type machine struct {
	snapshot
	Type      string `json:"t"`
	CreatedAt int64  `json:"c"`
	Versions  int    `json:"n,omitempty"` // the last version's number
}

// target is what an ARN leads to: a state machine or, if it is qualified, one of its versions, maybe by an alias.
type target struct {
	name, kind string
	snapshot
	version int    // 0: the current revision
	alias   string // empty: none
}

// machineType is a type that was asked for: STANDARD when none was.
func machineType(asked string) (string, error) {
	switch asked {
	case "", TypeStandard:
		return TypeStandard, nil
	case TypeExpress:
		return TypeExpress, nil
	default:
		return "", invalid("type must be STANDARD or EXPRESS, got %q", asked)
	}
}

var validName = regexp.MustCompile(`^[^\s<>{}\[\]?*"#%\\^|~` + "`" + `$&,;:/\x00-\x1f\x7f-\x9f]{1,80}$`)

func checkName(name string) error {
	if !validName.MatchString(name) {
		return apiError("InvalidName", "Invalid Name: '%s'", name)
	}
	return nil
}

func hashOf(definition string) string {
	sum := sha256.Sum256([]byte(definition))
	return hex.EncodeToString(sum[:16])
}

// compile checks a definition for a type of state machine and keeps it compiled.
func (e *Engine) compile(text, kind string) (hash string, err error) {
	hash = hashOf(text)
	e.mu.Lock()
	known := e.definitions[hash] != nil
	e.mu.Unlock()
	if known && kind == TypeStandard {
		return hash, nil
	}
	g, problems := parseDefinition(text, kind)
	if len(problems) > 0 {
		return "", &APIError{Code: "InvalidDefinition", Message: problems.message()}
	}
	e.mu.Lock()
	e.definitions[hash] = g
	e.mu.Unlock()
	return hash, nil
}

// definition gives a stored definition, compiled.
func (e *Engine) definition(ctx context.Context, hash string) (*graph, error) {
	e.mu.Lock()
	g := e.definitions[hash]
	e.mu.Unlock()
	if g != nil {
		return g, nil
	}
	text, err := e.definitionText(ctx, hash)
	if err != nil {
		return nil, err
	}
	if _, err := e.compile(text, TypeStandard); err != nil { // checked for its type when it was stored
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.definitions[hash], nil
}

func (e *Engine) definitionText(ctx context.Context, hash string) (text string, err error) {
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		text = string(tx.Bucket(bucketDefinitions).Get([]byte(hash)))
		return nil
	})
	return text, err
}

// machinePlace takes the ARN of a state machine apart. The qualifier is a version's number or an alias's name; empty for none.
func machinePlace(arn string) (name, qualifier string, err error) {
	parts := strings.Split(arn, ":")
	if len(parts) < 7 || len(parts) > 8 || parts[2] != "states" || parts[5] != "stateMachine" || parts[6] == "" {
		return "", "", apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	if strings.Contains(parts[6], "/") {
		return "", "", invalid("This operation does not support the ARN of a Map state: '%s'", arn)
	}
	if len(parts) == 8 {
		qualifier = parts[7]
	}
	return parts[6], qualifier, nil
}

// unqualified is the name in the ARN of a state machine itself. Errors: InvalidArn, ValidationException.
func unqualified(arn string) (string, error) {
	name, qualifier, err := machinePlace(arn)
	if err == nil && qualifier != "" {
		err = apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	return name, err
}

// readMachine reads a state machine; nil when there is none of the name.
func readMachine(tx *bbolt.Tx, name string) (*machine, error) {
	return read[machine](tx, bucketMachines, []byte(name))
}

// read reads what is stored as JSON; nil when there is nothing.
func read[T any](tx *bbolt.Tx, bucket, key []byte) (*T, error) {
	text := tx.Bucket(bucket).Get(key)
	if text == nil {
		return nil, nil
	}
	v := new(T)
	return v, json.Unmarshal(text, v)
}

// machine gives a state machine by its unqualified ARN. Errors: InvalidArn, StateMachineDoesNotExist.
func (e *Engine) machine(ctx context.Context, arn string) (name string, m *machine, err error) {
	if name, err = unqualified(arn); err != nil {
		return "", nil, err
	}
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		m, err = readMachine(tx, name)
		return err
	})
	if err == nil && m == nil {
		err = errNoMachine(arn)
	}
	return name, m, err
}

// resolve finds what an ARN leads to; an alias leads to one of its versions by chance. Errors: InvalidArn,
// StateMachineDoesNotExist.
func (e *Engine) resolve(ctx context.Context, arn string) (*target, error) {
	name, qualifier, err := machinePlace(arn)
	if err != nil {
		return nil, err
	}
	var found *target
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		m, err := readMachine(tx, name)
		if err != nil || m == nil {
			return err
		}
		t := &target{name: name, kind: m.Type, snapshot: m.snapshot}
		if qualifier == "" {
			found = t
			return nil
		}
		number, err := strconv.Atoi(qualifier)
		if err != nil {
			a, err := read[alias](tx, bucketAliases, aliasKey(name, qualifier))
			if err != nil || a == nil {
				return err
			}
			if number, err = a.pick(e.random); err != nil {
				return err
			}
			t.alias = qualifier
		}
		v, err := read[version](tx, bucketVersions, versionKey(name, number))
		if err == nil && v != nil {
			t.version, t.snapshot = number, v.snapshot
			found = t
		}
		return err
	})
	if err == nil && found == nil {
		err = errNoMachine(arn)
	}
	return found, err
}
