package states

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"go.etcd.io/bbolt"
)

// Types of a state machine.
const (
	TypeStandard = "STANDARD"
	TypeExpress  = "EXPRESS"
)

// CreateStateMachineInput names a new state machine. Type is STANDARD when empty.
type CreateStateMachineInput struct {
	Name       string
	Definition string
	RoleARN    string
	Type       string
}

// StateMachine describes a state machine.
type StateMachine struct {
	ARN        string
	Name       string
	Type       string
	Definition string
	RoleARN    string
	RevisionID string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// machine is what is stored of a state machine.
type machine struct {
	Definition string `json:"d"` // hash
	Role       string `json:"r,omitempty"`
	Type       string `json:"t"`
	Revision   string `json:"v,omitempty"`
	CreatedAt  int64  `json:"c"`
	UpdatedAt  int64  `json:"u"`
}

// machineType is a type that was asked for: STANDARD when none was.
func machineType(asked string) (string, error) {
	switch asked {
	case "", TypeStandard:
		return TypeStandard, nil
	case TypeExpress:
		return TypeExpress, nil
	default:
		return "", apiError("ValidationException", "type must be STANDARD or EXPRESS, got %q", asked)
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

func (e *Engine) machine(ctx context.Context, arn string) (string, *machine, error) {
	name := nameIn(arn, "stateMachine")
	if name == "" {
		return "", nil, apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	var m *machine
	err := e.db.View(ctx, func(tx *bbolt.Tx) error {
		text := tx.Bucket(bucketMachines).Get([]byte(name))
		if text == nil {
			return nil
		}
		m = &machine{}
		return json.Unmarshal(text, m)
	})
	if err == nil && m == nil {
		err = errNoMachine(arn)
	}
	return name, m, err
}

// CreateStateMachine makes a state machine, or gives the one that is the same already. Errors: InvalidName,
// InvalidDefinition, StateMachineAlreadyExists.
func (e *Engine) CreateStateMachine(ctx context.Context, in CreateStateMachineInput) (*StateMachine, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if err := checkRole(in.RoleARN); err != nil {
		return nil, err
	}
	var err error
	if in.Type, err = machineType(in.Type); err != nil {
		return nil, err
	}
	hash, err := e.compile(in.Definition, in.Type)
	if err != nil {
		return nil, err
	}
	now := e.now().UnixMilli()
	m := machine{Definition: hash, Role: in.RoleARN, Type: in.Type, CreatedAt: now, UpdatedAt: now}
	var conflict error
	err = e.db.Update(ctx, func(tx *bbolt.Tx) error {
		if text := tx.Bucket(bucketMachines).Get([]byte(in.Name)); text != nil {
			var old machine
			if err := json.Unmarshal(text, &old); err != nil {
				return err
			}
			if old.Definition != m.Definition || old.Role != m.Role || old.Type != m.Type {
				conflict = apiError("StateMachineAlreadyExists", "State Machine Already Exists: '%s'", e.machineARN(in.Name))
			}
			m = old
			return nil
		}
		return put(tx, []entry{
			{bucketMachines, []byte(in.Name), mustJSON(m)},
			{bucketDefinitions, []byte(hash), []byte(in.Definition)},
		})
	})
	if err == nil {
		err = conflict
	}
	if err != nil {
		return nil, err
	}
	return e.describeMachine(in.Name, &m, in.Definition), nil
}

// UpdateStateMachine changes the definition or the role, where not empty; running executions keep the old ones.
func (e *Engine) UpdateStateMachine(ctx context.Context, arn, definition, role string) (*StateMachine, error) {
	name, m, err := e.machine(ctx, arn)
	if err != nil {
		return nil, err
	}
	if definition == "" && role == "" {
		return nil, apiError("MissingRequiredParameter", "Either the definition, the role ARN, or both must be given")
	}
	if err := checkRole(role); err != nil {
		return nil, err
	}
	var entries []entry
	if definition != "" {
		if m.Definition, err = e.compile(definition, m.Type); err != nil {
			return nil, err
		}
		entries = append(entries, entry{bucketDefinitions, []byte(m.Definition), []byte(definition)})
	}
	if role != "" {
		m.Role = role
	}
	if m.Revision, err = newUUID(e.random); err != nil {
		return nil, err
	}
	m.UpdatedAt = e.now().UnixMilli()
	entries = append(entries, entry{bucketMachines, []byte(name), mustJSON(m)})
	if err := e.db.Update(ctx, func(tx *bbolt.Tx) error { return put(tx, entries) }); err != nil {
		return nil, fmt.Errorf("store state machine %s: %w", name, err)
	}
	return e.DescribeStateMachine(ctx, arn)
}

// DeleteStateMachine forgets a state machine; its executions go on. One that does not exist is no error.
func (e *Engine) DeleteStateMachine(ctx context.Context, arn string) error {
	name := nameIn(arn, "stateMachine")
	if name == "" {
		return apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	return e.db.Update(ctx, func(tx *bbolt.Tx) error { return put(tx, []entry{{bucketMachines, []byte(name), nil}}) })
}

// DescribeStateMachine gives a state machine. Errors: InvalidArn, StateMachineDoesNotExist.
func (e *Engine) DescribeStateMachine(ctx context.Context, arn string) (*StateMachine, error) {
	name, m, err := e.machine(ctx, arn)
	if err != nil {
		return nil, err
	}
	text, err := e.definitionText(ctx, m.Definition)
	if err != nil {
		return nil, err
	}
	return e.describeMachine(name, m, text), nil
}

func (e *Engine) describeMachine(name string, m *machine, text string) *StateMachine {
	return &StateMachine{
		ARN: e.machineARN(name), Name: name, Type: m.Type, Definition: text, RoleARN: m.Role, RevisionID: m.Revision,
		CreatedAt: time.UnixMilli(m.CreatedAt).UTC(), UpdatedAt: time.UnixMilli(m.UpdatedAt).UTC(),
	}
}

// ListStateMachines gives up to limit state machines by name, without their definitions, and where the next page begins.
func (e *Engine) ListStateMachines(ctx context.Context, limit int, token string) (list []StateMachine, next string, err error) {
	from, err := pageStart(token)
	if err != nil {
		return nil, "", err
	}
	limit = pageSize(limit)
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketMachines).Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if len(list) == limit {
				next = pageToken(k)
				return nil
			}
			var m machine
			if err := json.Unmarshal(v, &m); err != nil {
				return err
			}
			list = append(list, *e.describeMachine(string(k), &m, ""))
		}
		return nil
	})
	return list, next, err
}

// pageToken is what leads to the page that begins with a key. A caller can't read it, and so makes none.
func pageToken(key []byte) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{0}, key...))
}

// pageStart is the key that a page begins with. Error: InvalidToken.
func pageStart(token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(key) == 0 || key[0] != 0 {
		return nil, apiError("InvalidToken", "Invalid Token: 'Invalid token'")
	}
	return key[1:], nil
}

func pageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}

// ValidateStateMachineDefinition gives everything that is wrong with a definition for a type of state machine; empty when
// nothing is.
func (e *Engine) ValidateStateMachineDefinition(definition, kind string) []Diagnostic {
	_, problems := parseDefinition(definition, kind)
	return problems
}
