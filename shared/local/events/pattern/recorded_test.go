package pattern_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"opsflow/shared/local/events/pattern"
)

// The cases are what AWS answered to TestEventPattern. They are kept beside the checkout, not in it.
const recordedCases = "../../../../../shared/conformance/public/events.json"

func TestPatternsMatchAsAWSRecorded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.FromSlash(recordedCases))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("AWS's recorded answers are not beside this checkout (%s)", recordedCases)
	}
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name       string
		Pattern    json.RawMessage
		PatternRaw *string `json:"pattern_raw"`
		Event      json.RawMessage
		EventRaw   *string `json:"event_raw"`
		Expect     any
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no recorded cases")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if c.PatternRaw != nil {
				c.Pattern = []byte(*c.PatternRaw)
			}
			if c.EventRaw != nil {
				c.Event = []byte(*c.EventRaw)
			}
			p, err := pattern.Compile(c.Pattern)
			if err != nil {
				if c.Expect != "InvalidEventPatternException" {
					t.Fatalf("got %v, AWS says %v", err, c.Expect)
				}
				return
			}
			if got := p.Match(c.Event); any(got) != c.Expect {
				t.Errorf("got %v, AWS says %v", got, c.Expect)
			}
		})
	}
}
