package bytekey_test

import (
	"bytes"
	"cmp"
	"testing"

	"pgregory.net/rapid"

	"opsflow/shared/table/bytekey"
)

// parts are short and have many zeros and highest bytes, where an encoding goes wrong.
func parts() *rapid.Generator[[]byte] {
	return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xFE, 0xFF}), 0, 5)
}

func TestKeysSortAsTheirPartsAndComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := [2][]byte{parts().Draw(t, "a1"), parts().Draw(t, "a2")}, [2][]byte{parts().Draw(t, "b1"), parts().Draw(t, "b2")}
		keyA := bytekey.Append(bytekey.Append(nil, a[0]), a[1])
		keyB := bytekey.Append(bytekey.Append(nil, b[0]), b[1])
		if got, want := bytes.Compare(keyA, keyB), cmp.Or(bytes.Compare(a[0], b[0]), bytes.Compare(a[1], b[1])); got != want {
			t.Fatalf("order of %q and %q is %d; want %d", a, b, got, want)
		}
		first, rest := bytekey.Cut(keyA)
		if second, _ := bytekey.Cut(rest); first != string(a[0]) || second != string(a[1]) {
			t.Fatalf("%q came back as %q, %q", a, first, second)
		}
		open := bytekey.Open(nil, a[0])
		within := bytes.Compare(keyB, open) >= 0 && (bytekey.Successor(open) == nil || bytes.Compare(keyB, bytekey.Successor(open)) < 0)
		if within != bytes.HasPrefix(b[0], a[0]) {
			t.Fatalf("%q within the keys that begin with %q: %t", b[0], a[0], within)
		}
	})
}
