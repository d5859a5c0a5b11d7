package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

// pages reads a list two by two, and gives the values of a field.
func (r *rig) pages(t *testing.T, path, field string) []string {
	t.Helper()
	var all []string
	for cursor, n := "", 0; n < 10; n++ {
		var page listBody
		r.call(t, http.MethodGet, path+"limit=2&cursor="+cursor, "").ok(200, &page)
		for _, item := range page.Items {
			all = append(all, fmt.Sprint(item[field]))
		}
		if page.NextCursor == nil {
			return all
		}
		if cursor = *page.NextCursor; len(cursor) < 30 || strings.ContainsAny(cursor, "{\"") {
			t.Errorf("%s: the cursor is %q, want a signed one", path, cursor)
		}
	}
	t.Fatalf("%s does not end", path)
	return nil
}

func TestListsThatAreWholeInMemoryArePagedByASignedPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rules = []*ops.Rule{ // as the engine orders them: the most important first
		{ID: "z", Priority: 9, Type: ops.RuleTrigger},
		{ID: "a", Priority: 5, Type: ops.RuleTrigger},
		{ID: "b", Priority: 5, Type: ops.RuleEscalation},
		{ID: "c", Priority: 5, Type: ops.RuleTrigger},
		{ID: "y", Type: ops.RuleTrigger},
	}
	r.templates = []*ops.Template{
		{Name: "a", Version: 12, Active: true, Type: ops.QualityCheck, Team: ops.Finance, Trigger: ops.TriggerManual},
		{Name: "a", Version: 3, Type: ops.QualityCheck, Team: ops.Finance, Trigger: ops.TriggerTime},
		{Name: "a-b", Version: 1, Active: true, Type: ops.QualityCheck, Team: ops.Operations, Trigger: ops.TriggerManual, Published: true},
		{Name: "a_b", Version: 1, Active: true, Type: ops.PaymentProcessing, Team: ops.Finance, Trigger: ops.TriggerEvent},
		{Name: "b", Version: 1, Active: true, Type: ops.QualityCheck, Team: ops.Finance, Trigger: ops.TriggerManual},
	}
	for path, want := range map[string][]string{
		"/v1/rules?":                            {"z", "a", "b", "c", "y"},
		"/v1/rules?type=trigger&":               {"z", "a", "c", "y"},
		"/v1/templates?":                        {"a", "a", "a-b", "a_b", "b"},
		"/v1/templates?type=quality_check&":     {"a", "a", "a-b", "b"},
		"/v1/templates?team=finance&":           {"a", "a", "a_b", "b"},
		"/v1/templates?trigger=manual&":         {"a", "a-b", "b"},
		"/v1/templates?active=true&":            {"a", "a-b", "a_b", "b"},
		"/v1/templates?active=false&name=a&":    {"a"},
		"/v1/templates?published=true&":         {"a-b"},
		"/v1/templates?team=finance&name=a_b&":  {"a_b"},
		"/v1/templates?type=vendor_assignment&": nil,
	} {
		field := "id"
		if strings.HasPrefix(path, "/v1/templates") {
			field = "name"
		}
		if got := r.pages(t, path, field); !slices.Equal(got, want) {
			t.Errorf("%s gives %v, want %v", path, got, want)
		}
	}
	var page listBody
	r.call(t, http.MethodGet, "/v1/rules?limit=1", "").ok(200, &page)
	r.call(t, http.MethodGet, "/v1/rules?limit=1&type=trigger&cursor="+*page.NextCursor, "").problem(422, ops.CodeInvalid)
	r.call(t, http.MethodGet, "/v1/templates?limit=1&cursor="+*page.NextCursor, "").problem(422, ops.CodeInvalid)
}
