package states

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// CreateStateMachineInput names a new state machine. Type is STANDARD when empty.
type CreateStateMachineInput struct {
	Name       string
	Definition string
	RoleARN    string
	Type       string
	Settings   Settings
	Publication
	Tags []Tag
}

// Publication says whether a change is to be published as a version.
type Publication struct {
	Publish            bool
	VersionDescription string
}

func (p Publication) checkPublication() error {
	if p.VersionDescription != "" && !p.Publish {
		return invalid("Version description can only be set when publish is true")
	}
	return checkDescription("versionDescription", p.VersionDescription)
}

// UpdateStateMachineInput changes what is not empty in it.
type UpdateStateMachineInput struct {
	ARN        string
	Definition string
	RoleARN    string
	Settings   Settings
	Publication
}

// StateMachine describes a state machine or one of its versions.
type StateMachine struct {
	ARN         string
	VersionARN  string // of the version that was published with a change
	Name        string
	Type        string
	Definition  string
	RoleARN     string
	RevisionID  string // empty: the first revision
	Description string // of a version
	Settings    Settings
	MapRunARN   string // of a child's, which is a Map state's processor
	Label       string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// CreateStateMachine makes a state machine, or gives the one that is the same already, whatever its role and tags. Errors:
// InvalidName, InvalidArn, InvalidDefinition, InvalidLoggingConfiguration, StateMachineAlreadyExists, TooManyTags.
func (e *Engine) CreateStateMachine(ctx context.Context, in CreateStateMachineInput) (*StateMachine, error) {
	var err error
	if in.Type, err = machineType(in.Type); err != nil {
		return nil, err
	}
	for _, check := range []error{checkName(in.Name), checkRole(in.RoleARN), in.Settings.check(), in.checkPublication(), checkTags(in.Tags)} {
		if check != nil {
			return nil, check
		}
	}
	hash, err := e.compile(in.Definition, in.Type)
	if err != nil {
		return nil, err
	}
	if err := e.checkGiven(ctx, in.Name, in.RoleARN, hash); err != nil {
		return nil, err
	}
	now := e.now().UnixMilli()
	wanted := machine{
		snapshot: snapshot{Definition: hash, Role: in.RoleARN, UpdatedAt: now, Settings: in.Settings}, Type: in.Type, CreatedAt: now,
	}
	var m *machine
	published := 0
	err = e.db.Update(ctx, func(tx *bbolt.Tx) error {
		created := wanted
		m = &created
		old, err := readMachine(tx, in.Name)
		switch {
		case err != nil:
			return err
		case old == nil:
			if err := put(tx, append(tagEntries(machineTags+in.Name, in.Tags), entry{bucketDefinitions, []byte(hash), []byte(in.Definition)})); err != nil {
				return err
			}
		case old.Definition != m.Definition || old.Type != m.Type || !old.Settings.equal(m.Settings):
			return apiError("StateMachineAlreadyExists", "State Machine Already Exists: '%s'", e.machineARN(in.Name))
		default:
			m = old
		}
		if in.Publish {
			if published, _, err = publish(tx, in.Name, m, in.VersionDescription, now); err != nil {
				return err
			}
		}
		return put(tx, []entry{{bucketMachines, []byte(in.Name), mustJSON(m)}})
	})
	if err != nil {
		return nil, err
	}
	d := e.describeMachine(in.Name, m, in.Definition)
	d.VersionARN = e.versionARN(in.Name, published)
	return d, nil
}

// change gives what a state machine becomes; it has another revision when it becomes anything else.
func (in *UpdateStateMachineInput) change(old snapshot, definition, revision string) snapshot {
	next := old
	next.Definition, next.Role = cmp.Or(definition, old.Definition), cmp.Or(in.RoleARN, old.Role)
	next.Settings = old.Settings.with(in.Settings)
	if next.Definition != old.Definition || next.Role != old.Role || !next.Settings.equal(old.Settings) {
		next.Revision = revision
	}
	return next
}

// UpdateStateMachine changes a state machine; running executions keep what they began with. Errors: InvalidArn,
// StateMachineDoesNotExist, MissingRequiredParameter, InvalidDefinition, InvalidLoggingConfiguration.
func (e *Engine) UpdateStateMachine(ctx context.Context, in UpdateStateMachineInput) (*StateMachine, error) {
	name, m, err := e.machine(ctx, in.ARN)
	if err != nil {
		return nil, err
	}
	if in.Definition == "" && in.RoleARN == "" && in.Settings == (Settings{}) {
		return nil, apiError("MissingRequiredParameter",
			"Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	}
	for _, check := range []error{checkRole(in.RoleARN), in.Settings.check(), in.checkPublication()} {
		if check != nil {
			return nil, check
		}
	}
	var hash string
	if in.Definition != "" {
		if hash, err = e.compile(in.Definition, m.Type); err != nil {
			return nil, err
		}
	}
	if err := e.checkGiven(ctx, name, cmp.Or(in.RoleARN, m.Role), cmp.Or(hash, m.Definition)); err != nil {
		return nil, err
	}
	revision, err := uuid.New(e.random)
	if err != nil {
		return nil, err
	}
	now := e.now().UnixMilli()
	published := 0
	err = e.db.Update(ctx, func(tx *bbolt.Tx) error {
		if m, err = readMachine(tx, name); err != nil || m == nil {
			return cmp.Or(err, errNoMachine(in.ARN))
		}
		m.snapshot = in.change(m.snapshot, hash, revision)
		m.UpdatedAt = now
		if in.Publish {
			if published, _, err = publish(tx, name, m, in.VersionDescription, now); err != nil {
				return err
			}
		}
		entries := []entry{{bucketMachines, []byte(name), mustJSON(m)}}
		if hash != "" {
			entries = append(entries, entry{bucketDefinitions, []byte(hash), []byte(in.Definition)})
		}
		return put(tx, entries)
	})
	if err != nil {
		return nil, fmt.Errorf("change state machine %s: %w", name, err)
	}
	d := e.describeMachine(name, m, in.Definition)
	d.VersionARN = e.versionARN(name, published)
	return d, nil
}

// DeleteStateMachine forgets a state machine with its versions, aliases and tags; its executions go on. One that does not exist
// is no error.
func (e *Engine) DeleteStateMachine(ctx context.Context, arn string) error {
	name, err := unqualified(arn)
	if err != nil {
		return err
	}
	return e.db.Update(ctx, func(tx *bbolt.Tx) error {
		gone := []entry{{bucketMachines, []byte(name), nil}, {bucketTags, []byte(machineTags + name), nil}}
		for _, bucket := range [][]byte{bucketVersions, bucketAliases} {
			for _, key := range keysWith(tx, bucket, append([]byte(name), 0)) {
				gone = append(gone, entry{bucket, key, nil})
			}
		}
		return put(tx, gone)
	})
}

// DescribeStateMachine gives a state machine or a version of one. Errors: InvalidArn, StateMachineDoesNotExist.
func (e *Engine) DescribeStateMachine(ctx context.Context, arn string) (*StateMachine, error) {
	_, qualifier, err := machinePlace(arn)
	if err != nil {
		return nil, err
	}
	if qualifier != "" {
		return e.describeVersion(ctx, arn)
	}
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
		ARN: e.machineARN(name), Name: name, Type: m.Type, Definition: text, RoleARN: m.Role, RevisionID: m.Revision, Settings: m.Settings,
		CreatedAt: time.UnixMilli(m.CreatedAt).UTC(), UpdatedAt: time.UnixMilli(m.UpdatedAt).UTC(),
	}
}

// ListStateMachines gives a page of state machines by name, without their definitions, and what leads to the next.
func (e *Engine) ListStateMachines(ctx context.Context, p Page) (list []StateMachine, next string, err error) {
	return scan(ctx, e, listing{name: listName("machines"), bucket: bucketMachines}, p, func(_ *bbolt.Tx, k, v []byte) (*StateMachine, error) {
		var m machine
		if err := json.Unmarshal(v, &m); err != nil {
			return nil, err
		}
		return e.describeMachine(string(k), &m, ""), nil
	})
}

// DescribeStateMachineForExecution gives what a standard execution began with, whatever its state machine has become. Errors:
// InvalidArn, ExecutionDoesNotExist.
func (e *Engine) DescribeStateMachineForExecution(ctx context.Context, arn string) (*StateMachine, error) {
	rec, err := e.described(ctx, arn)
	if err != nil {
		return nil, err
	}
	text, err := e.definitionText(ctx, rec.Definition)
	if err != nil {
		return nil, err
	}
	if rec.MapRun != "" {
		return e.describeProcessor(ctx, rec)
	}
	from := snapshot{rec.Definition, rec.Role, rec.Revision, rec.UpdatedAt, rec.Settings}
	return e.describeMachine(rec.Machine, &machine{snapshot: from, Type: TypeStandard}, text), nil
}

// describeProcessor gives what a child of a map run began with.
func (e *Engine) describeProcessor(ctx context.Context, rec *record) (*StateMachine, error) {
	g, err := e.definition(ctx, rec.Definition)
	if err != nil {
		return nil, err
	}
	s := g.find(rec.MapState)
	from := snapshot{rec.Definition, rec.Role, rec.Revision, rec.UpdatedAt, rec.Settings}
	d := e.describeMachine(rec.Machine, &machine{snapshot: from}, string(value.Text(s.mapping.source)))
	d.MapRunARN, d.Label = e.mapRunARN(rec.MapRun), s.label(rec.Definition)
	return d, nil
}

// ValidateStateMachineDefinition gives everything that is wrong with a definition for a type of state machine; empty when
// nothing is.
func (e *Engine) ValidateStateMachineDefinition(definition, kind string) []Diagnostic {
	_, problems := parseDefinition(definition, kind)
	return problems
}
