package constraint_test

import (
	"testing"

	"opsflow/shared/local/constraint"
)

func TestFaultsAreWordedAsAWSDoes(t *testing.T) {
	t.Parallel()
	var f constraint.Faults
	f.Name("name", "good.name", 64)
	f.Range("limit", 5, 1, 100)
	if f.Text() != "" {
		t.Fatalf("got %s", f.Text())
	}
	f.Name("name", "a b", 64)
	if want := `1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`; f.Text() != want {
		t.Errorf("got  %s\nwant %s", f.Text(), want)
	}
	f.Enum("authorizationType", "X", "BASIC", "API_KEY")
	f.Required("endpoint", "")
	f.Range("limit", 0, 1, 100)
	f.Size("entries", "[a, b]", 2, 0, 1)
	want := `5 validation errors detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+; ` +
		`Value 'X' at 'authorizationType' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, API_KEY]; ` +
		`Value null at 'endpoint' failed to satisfy constraint: Member must not be null; ` +
		`Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1; ` +
		`Value '[a, b]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 1`
	if f.Text() != want {
		t.Errorf("got  %s\nwant %s", f.Text(), want)
	}
}
