package rule

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"opsflow/shared/ops"
)

// Version is one version of a rule, and what it changed of the one before.
type Version struct {
	*ops.RuleVersion
	Diff []FieldChange `json:"diff"`
}

// FieldChange is a place in a document where two versions of it differ. What is absent has no value.
type FieldChange struct {
	Path   string          `json:"path"` // "$.condition.all[0].value"
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Versions lists what a rule was like, the newest first, each with what it changed. A rule that came with the program
// begins with that text. CodeNotFound.
func (e *Engine) Versions(ctx context.Context, id string) ([]Version, error) {
	current, err := e.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	stored, err := e.store.RuleVersions(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the versions of rule %s: %w", id, err)
	}
	if len(stored) == 0 || stored[0].Number > 1 {
		first, err := e.builtinRule(id)
		if err != nil {
			return nil, err
		}
		if first != nil {
			stored = slices.Insert(stored, 0, &ops.RuleVersion{RuleID: id, Number: first.Version, Rule: first})
		}
	}
	if len(stored) == 0 { // kept by a program that kept no versions
		stored = []*ops.RuleVersion{{
			RuleID: id, Number: current.Version, At: current.UpdatedAt, By: current.UpdatedBy, Reason: current.Reason, Rule: current,
		}}
	}
	versions := make([]Version, len(stored))
	var before *ops.Rule
	for n, v := range stored {
		diff, err := changes(before, v.Rule)
		if err != nil {
			return nil, fmt.Errorf("compare versions of rule %s: %w", id, err)
		}
		versions[len(stored)-1-n] = Version{RuleVersion: v, Diff: diff}
		before = v.Rule
	}
	return versions, nil
}

// changes tells where the texts of two rules differ; nothing before the first one.
func changes(before, after *ops.Rule) ([]FieldChange, error) {
	diff := []FieldChange{}
	if before == nil {
		return diff, nil
	}
	old, err := tree(before)
	if err != nil {
		return nil, err
	}
	now, err := tree(after)
	if err != nil {
		return nil, err
	}
	compareTrees("$", old, now, &diff)
	return diff, nil
}

// tree is the text of a rule as people write it, decoded.
func tree(r *ops.Rule) (map[string]any, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var t map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&t); err != nil {
		return nil, err
	}
	for _, own := range []string{"version", "created_at", "updated_at", "expires_at", "timers", "updated_by", "reason"} {
		delete(t, own)
	}
	return t, nil
}

func compareTrees(path string, before, after any, diff *[]FieldChange) {
	if b, ok := before.(map[string]any); ok {
		if a, ok := after.(map[string]any); ok {
			compareMembers(path, b, a, diff)
			return
		}
	}
	if b, ok := before.([]any); ok {
		if a, ok := after.([]any); ok {
			for n := range max(len(a), len(b)) {
				compareTrees(fmt.Sprintf("%s[%d]", path, n), at(b, n), at(a, n), diff)
			}
			return
		}
	}
	old, now := written(before), written(after)
	if !bytes.Equal(old, now) {
		*diff = append(*diff, FieldChange{Path: path, Before: old, After: now})
	}
}

func compareMembers(path string, before, after map[string]any, diff *[]FieldChange) {
	var names []string
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		compareTrees(path+"."+name, before[name], after[name], diff)
	}
}

func at(list []any, n int) any {
	if n < len(list) {
		return list[n]
	}
	return nil
}

func written(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	return mustJSON(v)
}
