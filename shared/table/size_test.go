package table

import (
	"testing"
	"time"
)

func TestItemSizeFollowsDynamoDB(t *testing.T) {
	t.Parallel()
	// pk 2+1, sk 2+1, v 1+2, write_id 8+1: 18 for the empty item.
	const empty = 18
	for _, tc := range []struct {
		item Item
		want int
	}{
		{Item{}, 0},
		{Item{ExpiresAt: time.Unix(1_900_000_000, 0)}, 10 + 2},
		{Item{Index: map[string]Key{"list": {PK: "abc", SK: "de"}}}, 7 + 3 + 7 + 2},
		{Item{Data: []byte(`{"a":"é","b":null,"c":true,"d":""}`)}, 1 + 2 + 1 + 1 + 1 + 1 + 1},
		{Item{Data: []byte(`{"n":1234}`)}, 1 + 3},
		{Item{Data: []byte(`{"n":-12345.000}`)}, 1 + 5},
		{Item{Data: []byte(`{"n":0.000120}`)}, 1 + 2},
		{Item{Data: []byte(`{"n":0}`)}, 1 + 1},
		{Item{Data: []byte(`{"l":[]}`)}, 1 + 3},
		{Item{Data: []byte(`{"l":["ab",true]}`)}, 1 + 3 + 3 + 2},
		{Item{Data: []byte(`{"m":{"k":"ab","l":[null]}}`)}, 1 + 3 + 4 + 5 + 2},
	} {
		tc.item.Key = Key{PK: "p", SK: "s"}
		if got := ItemBytes(tc.item, "w", 1); got != empty+tc.want {
			t.Errorf("%s and index %v: %d bytes; want %d", tc.item.Data, tc.item.Index, got, empty+tc.want)
		}
	}
}
