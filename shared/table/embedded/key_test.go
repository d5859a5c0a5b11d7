package embedded

import (
	"bytes"
	"cmp"
	"testing"

	"pgregory.net/rapid"

	"opsflow/shared/table"
)

// text is short and has many zeros and highest bytes, where an encoding goes wrong.
func text() *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xFE, 0xFF}), 0, 5),
		func(b []byte) string { return string(b) })
}

func TestKeysKeepOrderAndComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var row [2][4]string
		for i := range row {
			for j := range row[i] {
				row[i][j] = text().Draw(t, "part")
			}
		}
		at := func(r [4]string) table.Key { return table.Key{PK: r[0], SK: r[1]} }
		key := func(r [4]string) table.Key { return table.Key{PK: r[2], SK: r[3]} }
		a, b := indexKey(at(row[0]), key(row[0])), indexKey(at(row[1]), key(row[1]))
		want := 0
		for j := range 4 {
			want = cmp.Or(want, cmp.Compare(row[0][j], row[1][j]))
		}
		if got := bytes.Compare(a, b); got != want {
			t.Fatalf("order of %q and %q is %d; want %d", row[0], row[1], got, want)
		}
		if gotAt, gotKey := splitIndexKey(a); gotAt != at(row[0]) || gotKey != key(row[0]) {
			t.Fatalf("%q came back as %q %q", row[0], gotAt, gotKey)
		}
		if got := splitItemKey(itemKey(key(row[0]))); got != key(row[0]) {
			t.Fatalf("%q came back as %q", key(row[0]), got)
		}
	})
}
