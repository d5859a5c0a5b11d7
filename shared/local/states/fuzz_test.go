package states

import (
	"testing"

	"opsflow/shared/local/states/value"
)

// FuzzDefinition: whatever is sent as a definition is compiled or refused, never a panic.
func FuzzDefinition(f *testing.F) {
	for _, text := range []string{
		`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Not":{"Variable":"$.a","IsNull":true},"Next":"B"}],"Default":"B"},"B":{"Type":"Succeed"}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[{"StartAt":"X","States":{"X":{"Type":"Pass","End":true}}}],"End":true}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Map","ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Wait","SecondsPath":"$[?(@.a>1)]","End":true}}},"ItemBatcher":{"MaxItemsPerBatch":2},"End":true}}}`,
		`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"a.$":"States.Format('{}',$.x)"},"Retry":[{"ErrorEquals":["States.ALL"]}],"End":true}}}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, problems := parseDefinition(text, TypeStandard)
		if (g == nil) != (len(problems) > 0) {
			t.Errorf("graph %v with problems %v", g, problems)
		}
	})
}

// FuzzCall: whatever intrinsic function call is accepted gives a value or a failure.
func FuzzCall(f *testing.F) {
	f.Add(`States.Format('{} {}', $.a, States.MathAdd(1, -2.5))`, `{"a":[1,{"b":null}]}`)
	f.Add(`States.ArrayRange(1, 9223372036854775807, 9223372036854775807)`, `1`)
	f.Add(`States.ArrayPartition($..a[?(@.b=='x')], 3)`, `[{"a":[{"b":"x"}]}]`)
	f.Fuzz(func(_ *testing.T, text, input string) {
		v, err := value.Parse([]byte(input))
		if err != nil {
			return
		}
		c, err := parseCall(text)
		if err != nil {
			return
		}
		if got, err := c.eval(&scope{input: v, context: func() any { return v }, variable: func(string) (any, bool) { return v, true }, random: zeros{}}, "x.$"); err == nil {
			value.Text(got)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
