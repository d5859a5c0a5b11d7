package states

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// maxVersions is how many versions a state machine may have at a time.
const maxVersions = 1000

// version is what is stored of a published version.
type version struct {
	snapshot
	Description string `json:"ds,omitempty"`
	PublishedAt int64  `json:"p"`
}

// Version names a published version.
type Version struct {
	ARN       string
	CreatedAt time.Time
}

// versionKey sorts the newest version first.
func versionKey(machine string, number int) []byte { return numberedKey(machine, ^uint64(number)) } //nolint:gosec // from 1 on

// numberOf is the version that a key of its bucket is for.
func numberOf(key []byte) int {
	_, text, _ := bytes.Cut(key, []byte{0})
	return int(^beUint64(text)) //nolint:gosec // what versionKey was given
}

// versionARN is the ARN of a version; empty for number 0.
func (e *Engine) versionARN(machine string, number int) string {
	if number == 0 {
		return ""
	}
	return e.machineARN(machine) + ":" + strconv.Itoa(number)
}

func checkDescription(field, text string) error {
	if n := len([]rune(text)); n > 256 {
		return invalid("%s must have at most 256 characters, got %d", field, n)
	}
	return nil
}

// versionPlace takes the ARN of a version apart.
func versionPlace(arn string) (name string, number int, err error) {
	name, qualifier, err := machinePlace(arn)
	if err != nil {
		return "", 0, err
	}
	if number, err = strconv.Atoi(qualifier); err != nil || number < 1 {
		return "", 0, apiError("InvalidArn", "Invalid Arn: '%s'", arn)
	}
	return name, number, nil
}

// publish makes a version of a state machine as it is, unless its revision has one already. The machine's count is not stored yet.
func publish(tx *bbolt.Tx, name string, m *machine, description string, now int64) (number int, at int64, err error) {
	keys := keysWith(tx, bucketVersions, append([]byte(name), 0))
	for _, key := range keys {
		v, err := read[version](tx, bucketVersions, key)
		if err != nil {
			return 0, 0, err
		}
		if v.Revision == m.Revision {
			return numberOf(key), v.PublishedAt, nil
		}
	}
	if len(keys) >= maxVersions {
		return 0, 0, apiError("ServiceQuotaExceededException", "A state machine has at most %d versions", maxVersions)
	}
	m.Versions++
	v := version{snapshot: m.snapshot, Description: description, PublishedAt: now}
	return m.Versions, now, put(tx, []entry{{bucketVersions, versionKey(name, m.Versions), mustJSON(v)}})
}

// PublishStateMachineVersion makes a version of the current revision, or gives the one that there is. revision is the one that is
// expected; empty for any. Errors: InvalidArn, StateMachineDoesNotExist, ConflictException, ServiceQuotaExceededException.
func (e *Engine) PublishStateMachineVersion(ctx context.Context, arn, revision, description string) (*Version, error) {
	name, err := unqualified(arn)
	if err != nil {
		return nil, err
	}
	if err := checkDescription("description", description); err != nil {
		return nil, err
	}
	var out Version
	err = e.db.Update(ctx, func(tx *bbolt.Tx) error {
		m, err := readMachine(tx, name)
		if err != nil {
			return err
		}
		if m == nil {
			return errNoMachine(arn)
		}
		if revision != "" && revision != m.Revision {
			return apiError("ConflictException", "Failed to publish the State Machine version for revision %s. "+
				"The current State Machine revision is %s.", revision, m.Revision)
		}
		number, at, err := publish(tx, name, m, description, e.now().UnixMilli())
		if err != nil {
			return err
		}
		out = Version{e.versionARN(name, number), time.UnixMilli(at).UTC()}
		return put(tx, []entry{{bucketMachines, []byte(name), mustJSON(m)}})
	})
	return &out, err
}

// DeleteStateMachineVersion forgets a version; its executions go on. One that does not exist is no error. Errors: InvalidArn,
// ConflictException while an alias leads to it.
func (e *Engine) DeleteStateMachineVersion(ctx context.Context, arn string) error {
	name, number, err := versionPlace(arn)
	if err != nil {
		return err
	}
	return e.db.Update(ctx, func(tx *bbolt.Tx) error {
		var by []string
		for _, key := range keysWith(tx, bucketAliases, append([]byte(name), 0)) {
			a, err := read[alias](tx, bucketAliases, key)
			if err != nil {
				return err
			}
			if a.leadsTo(number) {
				by = append(by, string(key[len(name)+1:]))
			}
		}
		if len(by) > 0 {
			return apiError("ConflictException", "Version to be deleted must not be referenced by an alias. "+
				"Current list of aliases referencing this version: [%s]", strings.Join(by, ", "))
		}
		return put(tx, []entry{{bucketVersions, versionKey(name, number), nil}})
	})
}

// describeVersion gives a version. Errors: InvalidArn, StateMachineDoesNotExist.
func (e *Engine) describeVersion(ctx context.Context, arn string) (*StateMachine, error) {
	name, number, err := versionPlace(arn)
	if err != nil {
		return nil, err
	}
	var m *machine
	var v *version
	var text string
	err = e.db.View(ctx, func(tx *bbolt.Tx) error {
		if m, err = readMachine(tx, name); err != nil {
			return err
		}
		if v, err = read[version](tx, bucketVersions, versionKey(name, number)); err == nil && v != nil {
			text = string(tx.Bucket(bucketDefinitions).Get([]byte(v.Definition)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", arn, err)
	}
	if m == nil || v == nil {
		return nil, errNoMachine(arn)
	}
	d := e.describeMachine(name, &machine{snapshot: v.snapshot, Type: m.Type, CreatedAt: v.PublishedAt}, text)
	d.ARN, d.Description = arn, v.Description
	return d, nil
}

// ListStateMachineVersions gives a page of a state machine's versions, the newest first, and what leads to the next. Errors:
// InvalidArn, InvalidToken, StateMachineDoesNotExist.
func (e *Engine) ListStateMachineVersions(ctx context.Context, arn string, p Page) (list []Version, next string, err error) {
	name, _, err := e.machine(ctx, arn)
	if err != nil {
		return nil, "", err
	}
	l := listing{listName("versions", name), bucketVersions, append([]byte(name), 0)}
	return scan(ctx, e, l, p, func(_ *bbolt.Tx, k, text []byte) (*Version, error) {
		var v version
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, err
		}
		return &Version{e.versionARN(name, numberOf(k)), time.UnixMilli(v.PublishedAt).UTC()}, nil
	})
}
