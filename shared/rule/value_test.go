package rule

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestATextSaysWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		`\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u00e9`, `\u20AC`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\ud83dx`, `\ud83d\u0041`,
		`\u12`, `\x`, `\`, "\xff", "\xc3", "é", "😀",
	}))
	rapid.Check(t, func(t *rapid.T) {
		text := `"`
		for _, p := range rapid.SliceOf(part).Draw(t, "parts") {
			text += p
		}
		text += `"`
		var want string
		if json.Unmarshal([]byte(text), &want) != nil {
			return // details are valid JSON; what is read of others doesn't matter
		}
		got, _, ok := textIn([]byte(text), make([]byte, 0, 8))
		if !ok || string(got) != want {
			t.Errorf("%s says %q, %v; want %q", text, got, ok, want)
		}
	})
}
